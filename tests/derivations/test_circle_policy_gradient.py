"""The circle for policy gradients: what is derived is what autograd finds where all can be summed.

A tabular policy over all 9 responses of two tokens out of three, moved along one direction by θ.
"""

from functools import cache

import pytest
import torch
from derived_numbers import close

from rlhf_lab.advantages import token_rewards
from rlhf_lab.derivations import (
    baseline_variance,
    best_baseline,
    objective_or_loss,
    policy_gradient,
    pretraining_mix,
    rlhf_objective,
    token_penalty,
)
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.notation import N, beta, policy, reference, reward, theta
from rlhf_lab.kl import k1
from rlhf_lab.logprobs import response_logprobs, sequence_logprobs
from rlhf_lab.losses import ppo_ptx_loss
from rlhf_lab.worlds.exact import exact_world, starting_policy
from rlhf_lab.worlds.optimum import objective

mpf = ARITHMETIC.mpf
built = cache(lambda make: make())
BETA, GAMMA, LENGTH = 0.3, 0.7, 2
WORLD = exact_world(vocabulary=3, length=LENGTH, seed=0)
COUNT = len(WORLD.rewards)


def moved_policy(shift):
    """The reference's table plus noise, plus `shift` times a direction."""
    noise, direction = torch.randn(
        2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    moved = starting_policy(WORLD)
    start = moved.table.detach() + noise
    del moved.table
    moved.table = start + shift * direction
    return moved


def slope(function):
    """d function(policy at θ) / dθ at θ = 0, for every entry, by automatic differentiation."""
    zero = torch.zeros((), dtype=torch.float64)
    return torch.autograd.functional.jacobian(lambda shift: function(moved_policy(shift)), zero)


def of_responses(moved):
    return sequence_logprobs(moved, WORLD.responses)


def of_tokens(moved):
    return response_logprobs(moved, WORLD.responses)


def rows(function, numbers, *behind):
    """The entries f(1, behind), f(2, behind), ... of a table."""
    return {(function, mpf(i), *behind): number for i, number in enumerate(numbers, start=1)}


def likely(function, logprobs, slopes, *behind):
    """A table of probabilities and of their slopes along θ, at θ = 0."""
    numbers = rows(function, logprobs.exp(), *behind, mpf(0))
    return numbers | rows(function, logprobs.exp() * slopes, *behind, mpf(0), theta)


def known():
    """Every letter and table of the derivations, from the package's functions."""
    now = moved_policy(0.0)
    found = {(N,): COUNT, (beta,): BETA, (theta,): 0, (pretraining_mix.gamma_ptx,): GAMMA}
    found |= likely(policy, of_responses(now), slope(of_responses))
    found |= rows(reward, WORLD.rewards) | rows(reference, WORLD.reference_logprobs.exp())
    found |= rows(policy_gradient.length, [LENGTH] * COUNT)
    frozen = of_tokens(WORLD.reference)
    for y, (logprobs, slopes) in enumerate(zip(of_tokens(now), slope(of_tokens), strict=True), 1):
        found |= likely(policy_gradient.token, logprobs, slopes, mpf(y))
        found |= rows(token_penalty.reference_token, frozen[y - 1].exp(), mpf(y))
    return found


KNOWN = known()


def value(derivation, expression, more=None):
    """A line of a derivation in the world of the tests; `more` are letters and tables beside."""
    world = Interpretation(derivation.given, 0)
    defined = derivation.given.meanings()
    world.known |= {
        key: mpf(float(number))
        for key, number in (KNOWN | (more or {})).items()
        if key[0] not in defined
    }
    return float(world.value(expression))


@pytest.mark.parametrize(
    "make", [policy_gradient.policy_gradient, policy_gradient.token_policy_gradient]
)
def test_the_derived_gradient_of_the_mean_reward_is_autograds(make):
    derivation = built(make)
    found = slope(lambda moved: (of_responses(moved).exp() * WORLD.rewards).sum())
    assert abs(found) > 0.1
    for line in (derivation.start, derivation.end):
        close(value(derivation, line), found)


def test_the_derived_log_prob_and_score_of_a_response_are_the_packages():
    logprob, score = built(policy_gradient.response_logprob), built(policy_gradient.response_score)
    logprobs, slopes = of_responses(moved_policy(0.0)), slope(of_responses)
    for y in range(1, COUNT + 1):
        at = {(policy_gradient.y,): y}
        close(value(logprob, logprob.end, at), logprobs[y - 1])
        close(value(score, score.end, at), slopes[y - 1])


def coded_objective(moved):
    return objective(of_responses(moved), WORLD.reference_logprobs, WORLD.rewards, beta=BETA)


def test_the_derived_gradient_of_rlhf_is_that_of_the_exact_objective():
    derivation = built(rlhf_objective.rlhf_gradient)
    close(value(derivation, rlhf_objective.OBJECTIVE), coded_objective(moved_policy(0.0)))
    close(value(derivation, derivation.end), slope(coded_objective))


def test_the_three_forms_are_the_exact_objective():
    derivation = built(rlhf_objective.three_forms)
    one = mpf(1)
    world = Interpretation(derivation.given, 0)
    numbers = {(rlhf_objective.M,): 1, (rlhf_objective.prompts, one): 1} | {
        (function, *places(key[1])): number
        for key, number in KNOWN.items()
        for function, places in (
            (policy, lambda y: (y, one, mpf(0))),
            (reference, lambda y: (y, one)),
            (reward, lambda y: (one, y)),
        )
        if key[0] == function and theta not in key
    }
    scalars = {(N,): COUNT, (beta,): BETA, (theta,): 0}
    world.known |= {key: mpf(float(number)) for key, number in (numbers | scalars).items()}
    for line in derivation.lines:
        close(float(world.value(line.expression)), coded_objective(moved_policy(0.0)))


def test_the_derived_rewards_of_tokens_are_token_rewards():
    derivation = built(token_penalty.penalty_by_token)
    kl = k1(of_tokens(moved_policy(0.0)), of_tokens(WORLD.reference))
    coded = token_rewards(WORLD.rewards, kl, WORLD.responses.mask, beta=BETA)
    for y in range(1, COUNT + 1):
        at = {(policy_gradient.y,): y}
        close(value(derivation, derivation.end, at), coded[y - 1].sum())
        last = WORLD.rewards[y - 1] - BETA * kl[y - 1, -1]
        close(last, coded[y - 1, -1])


def with_texts(moved):
    """PPO-ptx's loss with all responses as texts: means over tokens, so γ times their length."""
    return ppo_ptx_loss(
        -coded_objective(moved),
        of_tokens(moved),
        WORLD.responses.mask,
        gamma_ptx=GAMMA * LENGTH,
    )


def texts():
    now = of_responses(moved_policy(0.0))
    uniform = rows(pretraining_mix.pretraining, [1 / COUNT] * COUNT)
    return (
        {(pretraining_mix.M,): COUNT}
        | uniform
        | likely(pretraining_mix.text, now, slope(of_responses))
    )


def test_the_derived_ptx_loss_is_ppo_ptx_loss_and_its_gradient_autograds():
    loss = built(objective_or_loss.mixed_objective_as_loss)
    close(value(loss, loss.end.args[0], texts()), with_texts(moved_policy(0.0)))
    gradient = built(pretraining_mix.ptx_gradient)
    close(value(gradient, gradient.end, texts()), -slope(with_texts))


def scores():
    """∂ log π(y) along every entry of the table: (response, parameter)."""
    start = moved_policy(0.0).table.detach()

    def logprobs(table):
        moved = moved_policy(0.0)
        moved.table = table
        return of_responses(moved)

    return torch.autograd.functional.jacobian(logprobs, start).flatten(1)


def variance_of_gradient(baseline):
    """The variance of (r - b) ∂ log π, summed over the parameters, over all responses."""
    probabilities = of_responses(moved_policy(0.0)).exp()[:, None]
    estimates = (WORLD.rewards - baseline)[:, None] * scores()
    mean = (probabilities * estimates).sum(dim=0)
    return (probabilities * (estimates - mean) ** 2).sum()


def test_the_derived_best_baseline_has_the_smallest_variance_of_the_gradient():
    derivation = built(best_baseline.best_baseline)
    now = of_responses(moved_policy(0.0)).exp()
    numbers = rows(best_baseline.size, scores().square().sum(dim=1)) | rows(policy, now)
    best = value(derivation, best_baseline.best, numbers)
    low, middle, high = (variance_of_gradient(best + step) for step in (-1.0, 0.0, 1.0))
    close(low, high)  # a parabola with its lowest point in the middle
    assert middle < low
    cost = built(best_baseline.cost_of_the_mean_reward)
    mean_reward = (now * WORLD.rewards).sum()
    excess = value(cost, cost.end, numbers) - value(cost, derivation.end, numbers)
    close(excess, variance_of_gradient(mean_reward) - middle)
    assert excess > 1e-3


def test_the_derived_variance_is_that_of_one_parameter():
    derivation = built(baseline_variance.variance)
    b = next(i for i in derivation.start.free_symbols if i.name == "b")
    slopes, now = slope(of_responses), of_responses(moved_policy(0.0)).exp()
    estimates = (WORLD.rewards - 0.4) * slopes
    coded = (now * (estimates - (now * estimates).sum()) ** 2).sum()
    close(value(derivation, derivation.end, {(b,): 0.4}), coded)
