"""The circle for PPO: what is derived is what the package computes, to 1e-10 in float64."""

import itertools
from fractions import Fraction
from functools import cache

import pytest
import torch
from derived_numbers import close
from sympy import Derivative

from rlhf_lab.advantages import gae
from rlhf_lab.derivations import (
    adaptive_kl,
    clipping,
    gae_bias,
    gae_variance,
    n_step_advantages,
    proportional_kl,
    surrogate,
    trust_region,
)
from rlhf_lab.derivations import gae as derived_gae
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.notation import beta, policy, theta
from rlhf_lab.kl import adapted_kl_coef, doubled_or_halved
from rlhf_lab.losses import clipped_policy_loss, clipped_surrogate, penalised_policy_loss

mpf = ARITHMETIC.mpf
built = cache(lambda make: make())
EPSILON, GAMMA, LAM, TOKENS = 0.2, 0.9, 0.7, 5


def world_of(given, known):
    """A world in which letters and tables have these values."""
    world = Interpretation(given, 0)
    world.known |= {key: mpf(float(number)) for key, number in known.items()}
    return world


def value(expression, given, known):
    """A derived formula in such a world."""
    return float(world_of(given, known).value(expression))


def parameter():
    """θ = 0, along which everything is differentiated."""
    return torch.zeros((), dtype=torch.float64, requires_grad=True)


def case_in_numbers(make, size, gap):
    """ρ, ∂ρ/∂θ, Â, and the derived value and slope of one of the six cases."""
    derivation = built(make)
    known = {(clipping.size,): size, (clipping.epsilon,): EPSILON, (theta,): 0}
    world = world_of(derivation.given, {**known, (clipping.gap.func, mpf(0)): gap})
    parts = (clipping.rho, Derivative(clipping.rho, theta), clipping.A)
    expressions = (*parts, derivation.lines[1].expression, derivation.end)
    return [torch.tensor(float(world.value(part)), dtype=torch.float64) for part in expressions]


@pytest.mark.parametrize("make", clipping.RESULTS, ids=lambda make: make.__name__)
def test_the_six_cases_are_clipped_surrogates_and_autograds(make):
    ratio, ratio_slope, advantage, derived, slope = case_in_numbers(make, 1.7, 0.3)
    assert ratio > 0
    assert ratio_slope != 0
    at = parameter()
    coded = clipped_surrogate(ratio + at * ratio_slope, advantage, EPSILON)
    coded.backward()
    close(derived, coded)
    close(slope, at.grad)


@pytest.mark.parametrize("make", clipping.RESULTS, ids=lambda make: make.__name__)
def test_the_six_cases_are_those_of_the_policy_loss(make):
    """One token, whose log-prob moves by ∂ρ/ρ."""
    ratio, ratio_slope, advantage, derived, slope = case_in_numbers(make, 0.8, 0.1)
    at, mask = parameter(), torch.ones(1, 1, dtype=torch.bool)
    logprobs = (ratio.log() + at * ratio_slope / ratio).view(1, 1)
    old = torch.zeros(1, 1, dtype=torch.float64)
    loss = clipped_policy_loss(logprobs, old, advantage.view(1, 1), mask, epsilon=EPSILON)
    loss.backward()
    close(-derived, loss)
    close(-slope, at.grad)


# A policy over three tokens, of which the old one draws the first half of the time: four tokens
# are then all of its samples, in their right numbers.
DRAWN = torch.tensor([0, 0, 1, 2])
OLD = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
ADVANTAGES = torch.tensor([1.3, -0.4, 0.7], dtype=torch.float64)
DIRECTION = torch.tensor([0.6, -1.1, 0.2], dtype=torch.float64)
WEIGHT = 0.8


def moved(shift):
    """log π_θ at a θ, along one direction of the logits."""
    return (OLD.log() + shift * DIRECTION).log_softmax(0)


def token_world(given, shift):
    """One state; θ is where the policy is, θ_old where it was: 0."""
    new = moved(torch.tensor(shift, dtype=torch.float64)).exp()
    slopes = new * (DIRECTION - (new * DIRECTION).sum())
    letters = {(surrogate.K,): 3, (surrogate.S,): 1, (surrogate.s,): 1, (beta,): WEIGHT}
    letters |= {(theta,): shift, (surrogate.theta_old,): 0, (surrogate.visited, mpf(1)): 1}
    for i in range(3):
        place = (mpf(i + 1), mpf(1))
        letters |= {(surrogate.advantage, *place[::-1]): ADVANTAGES[i]}
        letters |= {(policy, *place, mpf(0)): OLD[i], (policy, *place, mpf(shift)): new[i]}
        letters |= {(policy, *place, mpf(shift), theta): slopes[i]}
    return world_of(given, letters)


def coded_penalised(shift, weight):
    """-`penalised_policy_loss` on the old policy's samples and its derivative at a shift."""
    at = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
    tokens = [x[DRAWN].view(1, 4) for x in (moved(at), OLD.log(), ADVANTAGES)]
    mask = torch.ones(1, 4, dtype=torch.bool)
    gain = -penalised_policy_loss(*tokens, mask, beta=weight)
    gain.backward()
    return gain, at.grad


def test_the_penalty_form_is_the_packages_in_the_papers_direction():
    """The mean over the old policy's tokens of the code's estimate is the KL, and its gradient."""
    world = token_world(surrogate.SAMPLES, 0.5)
    gain, slope = coded_penalised(0.5, WEIGHT)
    penalty = built(trust_region.papers_penalty_gradient)
    start, end = (
        float(world.value(getattr(built(surrogate.surrogate_gradient), place)))
        - WEIGHT * float(world.value(getattr(penalty, place)))
        for place in ("start", "end")
    )
    close(start, gain)
    close(end, slope)


def test_the_notes_direction_is_the_gradient_of_the_exact_objective():
    at = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    new = moved(at)
    kl = (new.exp() * (new - OLD.log())).sum()
    exact = (new.exp() * ADVANTAGES).sum() - WEIGHT * kl
    exact.backward()
    derived = built(trust_region.penalised_gradient)
    world = token_world(surrogate.SAMPLES, 0.5)
    close(float(world.value(derived.start)), exact)
    close(float(world.value(derived.end)), at.grad)


@pytest.mark.parametrize("weight", [0.0, WEIGHT, 50.0])
def test_at_the_start_the_penalty_form_has_the_policy_gradient(weight):
    world = token_world(surrogate.AT_THE_START, 0.0)
    derived = built(trust_region.penalised_gradient_at_the_start).end
    assert abs(world.value(derived)) > 0.1
    close(float(world.value(derived)), coded_penalised(0.0, weight)[1])


def updates(falls, coefficient, *, count=30):
    """The coefficients of `doubled_or_halved` where the KL of an update is a function of β."""
    seen = [coefficient]
    for _ in range(count):
        seen.append(doubled_or_halved(seen[-1], falls(seen[-1]), target_kl=1.0))
    return seen


@pytest.mark.parametrize("start", [0.013, 0.4, 1.7, 900.0])
def test_under_a_kl_of_c_over_beta_the_rule_walks_into_the_band_and_stays(start):
    """No step passes over the band, as `doubling_does_not_overshoot` says, so none turns back."""
    seen = updates(lambda coefficient: 1 / coefficient, start)
    assert 1 / 1.5 <= 1 / seen[-1] <= 1.5
    assert seen in (sorted(seen), sorted(seen, reverse=True))


def test_under_a_kl_of_c_over_beta_squared_the_rule_goes_round_in_a_circle_of_two():
    """From d between 3/2 and 8/3 of the target, as `doubling_overshoots` says."""
    for level in (1.51, 2.0, 2.66):
        seen = updates(lambda coefficient, c=level: c / coefficient**2, 1.0)
        assert seen == [1.0, 2.0] * 15 + [1.0]
    assert updates(lambda coefficient: 2.7 / coefficient**2, 1.0)[-1] == 2.0


def test_the_kl_after_a_doubling_is_the_derived_one():
    known = {(adaptive_kl.target,): 0.7, (adaptive_kl.gap,): 0.4, (beta,): 1.1}
    for make, factor in (
        (adaptive_kl.doubling_does_not_overshoot, 2),
        (adaptive_kl.halving_does_not_overshoot, Fraction(1, 2)),
    ):
        derivation = built(make)
        world = world_of(derivation.given, known)
        observed = float(world.value(adaptive_kl.D))
        assert doubled_or_halved(1.1, observed, target_kl=0.7) == pytest.approx(1.1 * factor)
        after = float(world.value(derivation.lines[2].expression))
        assert after == pytest.approx(observed / factor)
        assert doubled_or_halved(1.1, after, target_kl=0.7) in (1.1, pytest.approx(1.1 * factor))


@pytest.mark.parametrize("make", proportional_kl.RESULTS[:6], ids=lambda make: make.__name__)
def test_the_proportional_rule_is_adapted_kl_coef(make):
    derivation = built(make)
    letters = (beta, proportional_kl.target, proportional_kl.gain)
    known = {(letter,): number for letter, number in zip(letters, (1.1, 6.0, 0.3), strict=True)}
    world = world_of(derivation.given, known)
    coded = adapted_kl_coef(1.1, float(world.value(proportional_kl.kl)), target_kl=6.0, gain=0.3)
    for line in derivation.lines[:2]:
        assert float(world.value(line.expression)) == pytest.approx(coded, rel=1e-12)


def test_the_proportional_rule_closes_in_by_one_minus_the_gain():
    known = {(beta,): 1.1, (proportional_kl.target,): 6.0, (proportional_kl.gain,): 0.3}
    known |= {(proportional_kl.c,): 7.0}
    derivation = proportional_kl.closes_in()
    coded = adapted_kl_coef(1.1, 7.0 / 1.1, target_kl=6.0, gain=0.3) - 7.0 / 6.0
    assert value(derivation.end, derivation.given, known) == pytest.approx(coded, rel=1e-12)


def random_response(seed):
    """Rewards, values and errors of the values of one response, and its mask."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(3, 1, TOKENS, generator=generator, dtype=torch.float64)
    return *numbers, torch.ones(1, TOKENS, dtype=torch.bool)


def response_world(derivation, first, count, lam, rewards, values, errors):
    """Token t = `first` of a response, with `count` tokens in the derivation's n."""
    letters = {(derived_gae.t,): first, (derived_gae.n,): count}
    letters |= {(derived_gae.gamma,): GAMMA, (derived_gae.lam,): lam}
    for place in range(TOKENS + 1):
        inside = place < TOKENS
        at = mpf(place + 1)
        exact = values[0, place] - errors[0, place] if inside else 0
        letters |= {
            (derived_gae.reward, at): rewards[0, place] if inside else 0,
            (derived_gae.value, at): values[0, place] if inside else 0,
            (gae_bias.mistake, at): errors[0, place] if inside else 0,
            (gae_bias.exact, at): exact,
        }
    return world_of(derivation.given, letters)


@pytest.mark.parametrize(
    ("make", "lam", "more"),
    [
        (derived_gae.recursion, LAM, 1),
        (derived_gae.lambda_zero, 0.0, 1),
        (derived_gae.lambda_one, 1.0, 0),
        (n_step_advantages.exponential_mean, LAM, 0),
        (gae_bias.wrong_values, LAM, 0),
    ],
)
def test_the_derived_advantages_are_gaes(make, lam, more):
    """At every token, the last included where n may be 1; every line of the derivation."""
    rewards, values, errors, mask = random_response(0)
    coded = gae(rewards, values, mask, gamma=GAMMA, lam=lam)[0]
    derivation = built(make)
    for first in range(1, TOKENS + 1 - more):
        left = TOKENS + 1 - first - more
        world = response_world(derivation, first, left, lam, rewards, values, errors)
        estimates = enumerate(coded, start=1)
        world.known |= {(derived_gae.estimate, mpf(k)): mpf(float(x)) for k, x in estimates}
        for line in derivation.lines:
            close(float(world.value(line.expression)), coded[first - 1])


@pytest.mark.parametrize(
    ("make", "lam"), [(gae_bias.bias, LAM), (gae_bias.bias_at_lambda_one, 1.0)]
)
def test_the_derived_error_is_that_of_gae_with_wrong_values(make, lam):
    rewards, values, errors, mask = random_response(1)
    wrong = gae(rewards, values, mask, gamma=GAMMA, lam=lam)
    right = gae(rewards, values - errors, mask, gamma=GAMMA, lam=lam)
    derivation = built(make)
    for first in range(1, TOKENS + 1):
        left = TOKENS + 1 - first
        world = response_world(derivation, first, left, lam, rewards, values, errors)
        close(float(world.value(derivation.end)), (wrong - right)[0, first - 1])


def test_the_derived_variance_is_that_of_gae_over_all_signs():
    """TD errors of ±size, each sign by a coin of its own: rewards, with values of 0."""
    sizes = torch.tensor([0.3, 1.1, 0.7, 2.0, 0.5], dtype=torch.float64)
    signs = torch.tensor(list(itertools.product([-1, 1], repeat=TOKENS)), dtype=torch.float64)
    rewards, mask = signs * sizes, torch.ones(len(signs), TOKENS, dtype=torch.bool)
    first = gae(rewards, torch.zeros_like(rewards), mask, gamma=GAMMA, lam=LAM)[:, 0]
    derivation = gae_variance.variance_of_gae()
    letters = {(derived_gae.t,): 1, (derived_gae.n,): TOKENS}
    letters |= {(derived_gae.gamma,): GAMMA, (derived_gae.lam,): LAM}
    letters |= {(gae_variance.noise, mpf(k)): x**2 for k, x in enumerate(sizes, start=1)}
    close(value(derivation.end, derivation.given, letters), first.var(correction=0))
