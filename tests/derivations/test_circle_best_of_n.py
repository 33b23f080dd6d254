"""The circle for best of n: the derived law and KL are those of all n draws, counted one by one."""

import math
from functools import cache

import pytest
import torch
from derived_numbers import close
from scipy.integrate import quad
from sympy import Integer, lambdify

from rlhf_lab.derivations.best_of_n import antiderivative, kl_without_ties, n, u
from rlhf_lab.derivations.best_of_n_bound import base, best_is, kl_of_the_best, upto
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.given import unfolded
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.notation import N
from rlhf_lab.sampling import best_of_n
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.optimum import kl_divergence

mpf = ARITHMETIC.mpf
built = cache(lambda make: make())


@cache
def small_world():
    """Nine responses, and the order of their rewards, the worst first."""
    world = exact_world(vocabulary=3, length=2, seed=0)
    return world, world.rewards.argsort()


def value(expression, known):
    """A derived formula in the world of these probabilities, the worst response numbered first."""
    world, order = small_world()
    probabilities = world.reference_logprobs.exp()[order]
    table = {(base, mpf(k)): mpf(float(p)) for k, p in enumerate(probabilities, start=1)}
    interpretation = Interpretation(built(kl_of_the_best).given, 0)
    interpretation.known |= {
        (N,): mpf(8),
        **table,
        **{k: mpf(number) for k, number in known.items()},
    }
    return float(interpretation.value(expression))


@cache
def counted(draws):
    """How likely each response is the `sampling.best_of_n` of so many draws: over all of them.

    In the order of the rewards, the worst first.
    """
    world, order = small_world()
    rows = torch.cartesian_prod(*[torch.arange(9)] * draws).view(-1, draws)
    chance = world.reference_logprobs[rows].sum(dim=1).exp()
    best = best_of_n(world.responses[rows.flatten()], world.rewards[rows.flatten()], n=draws)
    number = best.tokens @ torch.tensor([3, 1])  # the place of a response in the world
    return torch.zeros(9, dtype=torch.float64).index_add(0, number, chance)[order]


@pytest.mark.parametrize("draws", [1, 2, 4])
def test_the_derived_law_is_that_of_all_draws(draws):
    derived = [value(upto(1) ** n, {(n,): draws})]
    derived += [value(best_is(Integer(place)), {(n,): draws}) for place in range(1, 9)]
    close(derived, counted(draws))


@pytest.mark.parametrize("draws", [1, 2, 4])
def test_the_derived_kl_is_that_of_all_draws_and_below_the_bound(draws):
    world, order = small_world()
    kl = kl_divergence(counted(draws).log(), world.reference_logprobs[order])
    lines = [value(line.expression, {(n,): draws}) for line in built(kl_of_the_best).lines]
    close(lines[0], kl)
    close(lines[2:], 4 * [math.log(draws) - (draws - 1) / draws])
    assert draws == 1 or 0 < lines[0] < lines[1] < lines[2]


@pytest.mark.parametrize("draws", [2, 4, 128])
def test_the_derived_area_is_a_numerical_integral(draws):
    """From u = 0.01 on, below which there is next to nothing; at 128: log 128 - 127/128 = 3.860."""
    density_times_log = lambdify((n, u), built(antiderivative).end)
    area, _ = quad(lambda quantile: density_times_log(draws, quantile), 0.01, 1, epsabs=1e-12)
    for line in built(kl_without_ties).lines:
        formula = unfolded(line.expression, built(kl_without_ties).given)
        assert lambdify((n, u), formula)(draws, 0.01) == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("draws", [2, 4])
def test_many_small_responses_come_close_to_the_bound(draws):
    """The gap closes as responses of one probability, 1/count each, become many and unlikely."""
    gaps = []
    for count in (10, 100, 1000):
        steps = (torch.arange(count + 1).double() / count) ** draws
        law = steps.diff()
        kl = kl_divergence(law.log(), torch.full((count,), 1 / count).double().log())
        gaps.append(math.log(draws) - (draws - 1) / draws - float(kl))
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2] > 0
