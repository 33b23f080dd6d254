"""The circle for preferences: what is derived of pairs and rankings is what the code computes."""

import itertools
from functools import cache

import pytest
import torch
from derived_numbers import close, table, value
from sympy import Derivative, lambdify, symbols

from rlhf_lab.derivations.bradley_terry import phi, reward_model_gradient, score
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.given import unfolded
from rlhf_lab.derivations.checker.substitution import substituted
from rlhf_lab.derivations.cycle import cycle_of_any_length, n, odds
from rlhf_lab.derivations.identified import another, same_comparisons, y_0
from rlhf_lab.derivations.lagrange import bound_by_terms, closed_form_by_lagrange
from rlhf_lab.derivations.listwise import feature, information_of_a_choice
from rlhf_lab.derivations.notation import N, beta, policy, reference, reward, theta, y, y_l, y_w
from rlhf_lab.derivations.notes_preferences import size_of_the_printed_loss
from rlhf_lab.derivations.optimal_policy import closed_form
from rlhf_lab.derivations.pairs import mean_loss, number_of_pairs, others
from rlhf_lab.derivations.plackett_luce import (
    choices_of_a_ranking,
    log_likelihood,
    ranked,
    two_responses,
)
from rlhf_lab.derivations.rankings import best_of_all, i, member, s
from rlhf_lab.losses import plackett_luce_loss, ranking_loss
from rlhf_lab.preferences import bradley_terry_logprob, plackett_luce_logprob
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.optimum import objective, optimal_logprobs

mpf = ARITHMETIC.mpf
built = cache(lambda make: make())


def rewards_of(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(count, generator=generator, dtype=torch.float64)


def one_ranking(rewards):
    """K = m + 1 rewards of one prompt, the best response numbered first."""
    places = range(1, len(rewards) + 1)
    return {(others,): len(rewards) - 1, **table(ranked, places), **table(reward, rewards)}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_mean_over_pairs_is_ranking_loss(count):
    rewards = rewards_of(count)
    for line in built(mean_loss).lines:
        derived = value(line.expression, built(mean_loss).given, one_ranking(rewards))
        close(derived, ranking_loss(rewards[None]))


@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_printed_loss_is_smaller_by_the_number_of_pairs(count):
    rewards, printed = rewards_of(count), built(size_of_the_printed_loss)
    pairs = len(list(itertools.combinations(range(count), 2)))
    assert (
        value(built(number_of_pairs).end, built(number_of_pairs).given, {(others,): count - 1})
        == pairs
    )
    derived = value(printed.start, printed.given, one_ranking(rewards))
    close(derived * pairs, ranking_loss(rewards[None]))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_log_likelihood_is_plackett_luces(count):
    rewards, known = rewards_of(count), one_ranking(rewards_of(count))
    close(
        -value(built(log_likelihood).end, built(log_likelihood).given, known),
        plackett_luce_loss(rewards[None]),
    )
    choices = value(built(choices_of_a_ranking).end, built(choices_of_a_ranking).given, known)
    close(choices, plackett_luce_logprob(rewards).exp())


def test_a_ranking_of_two_is_bradley_terry():
    rewards, derivation = rewards_of(2), built(two_responses)
    for line in derivation.lines:
        derived = value(line.expression, derivation.given, one_ranking(rewards))
        close(derived, bradley_terry_logprob(*rewards).exp())


def test_the_orders_in_which_one_response_is_best_sum_to_its_softmax():
    """What is derived by induction, counted order by order with the package's function."""
    rewards, derivation = rewards_of(4), built(best_of_all)
    for first in range(4):
        orders = [p for p in itertools.permutations(range(4)) if p[0] == first]
        counted = torch.stack([plackett_luce_logprob(rewards[list(p)]).exp() for p in orders]).sum()
        members = {(member, mpf(k), mpf(1)): k for k in range(1, 5)}
        known = {(n,): 3, (i,): first + 1, (s,): 1, **members, **table(reward, rewards)}
        close(value(derivation.end, derivation.given, known), counted)


def test_the_information_of_a_ranking_is_the_sum_of_its_choices():
    """The second derivative of the package's loss along θ, at which r = θ times a feature."""
    features = rewards_of(4).tolist()
    derived = [
        value(built(information_of_a_choice).end, built(information_of_a_choice).given, known)
        for known in (
            {(N,): 4 - k, (theta,): 0.7, **table(feature, features[k:])} for k in range(4)
        )
    ]
    along = torch.tensor(features, dtype=torch.float64)

    def loss(parameter: torch.Tensor) -> torch.Tensor:
        return plackett_luce_loss((parameter * along)[None])

    coded = torch.autograd.functional.hessian(loss, torch.tensor(0.7, dtype=torch.float64))
    close(sum(derived), coded)
    assert min(derived[:3]) > 0.0 == derived[3]


def test_the_gradient_of_the_reward_model_is_autograds():
    """Each score depends on one parameter φ, by a slope of its own."""
    slopes, scores = symbols("a b", real=True), symbols("c d", real=True)
    pair = [score(index, phi) for index in (y_w, y_l)]
    formula = substituted(
        built(reward_model_gradient).end,
        {Derivative(one, phi): slope for one, slope in zip(pair, slopes, strict=True)},
    )
    formula = substituted(formula, dict(zip(pair, scores, strict=True)))
    derived = lambdify((*scores, *slopes), unfolded(formula, built(reward_model_gradient).given))
    rewards, slope = rewards_of(2), torch.tensor([0.7, -1.3], dtype=torch.float64)
    parameter = torch.zeros((), dtype=torch.float64, requires_grad=True)
    ranking_loss((rewards + parameter * slope)[None]).backward()
    close(derived(*rewards.tolist(), *slope.tolist()), parameter.grad)


def test_the_log_odds_round_a_cycle_of_scores_sum_to_0():
    rewards, derivation = rewards_of(5), built(cycle_of_any_length)
    edges = [(k, (k + 1) % 5) for k in range(5)]
    package = [
        bradley_terry_logprob(rewards[a], rewards[b])
        - bradley_terry_logprob(rewards[b], rewards[a])
        for a, b in edges
    ]
    known = {(n,): 4, **table(reward, rewards)}
    for (a, b), log_odds in zip(edges, package, strict=True):
        close(value(odds(a + 1, b + 1), derivation.given, known), log_odds)
    close(value(derivation.start, derivation.given, known), torch.zeros(()).double())
    assert sum(package).abs() < 1e-12


def test_scores_with_the_same_comparisons_differ_by_the_derived_constant():
    """Log-odds against the first response, from the package's probabilities, are another score."""
    rewards, derivation = rewards_of(4), built(same_comparisons)
    odds_against_first = bradley_terry_logprob(rewards, rewards[:1].expand(4)).exp().logit()
    known = {(y_0,): 1, **table(reward, rewards), **table(another, odds_against_first)}
    for k, log_odds in enumerate(odds_against_first, start=1):
        close(value(derivation.end.rhs, derivation.given, {(y,): k, **known}), log_odds)
    assert (odds_against_first - rewards).abs().min() > 0.01


def test_lagranges_road_ends_at_the_exact_worlds_optimum():
    world = exact_world(vocabulary=3, length=2, seed=0)
    known = {(N,): len(world.rewards), (beta,): 0.3, **table(reward, world.rewards)}
    known |= table(reference, world.reference_logprobs.exp())
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=0.3)
    end, given = built(closed_form_by_lagrange).end, built(closed_form_by_lagrange).given
    assert end == built(closed_form).lines[7].expression
    for k, logprob in enumerate(optimum, start=1):
        close(value(end, given, {(y,): k, **known}), logprob.exp())
    bound = built(bound_by_terms)
    best = objective(optimum, world.reference_logprobs, world.rewards, beta=0.3)
    close(value(bound.end, bound.given, known), best)
    other = rewards_of(len(world.rewards)).log_softmax(-1)
    known |= table(policy, other.exp())
    coded = objective(other, world.reference_logprobs, world.rewards, beta=0.3)
    for line in bound.lines[:2]:
        close(value(line.expression, bound.given, known), coded)
    assert coded < best
