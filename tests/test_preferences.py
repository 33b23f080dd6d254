import itertools

import pytest
import torch

from rlhf_lab.preferences import (
    bradley_terry_logprob,
    plackett_luce_logprob,
    preference_accuracy,
    sample_comparison,
    sample_ranking,
)

REWARDS = torch.tensor([0.3, -1.0, 2.0, 0.5], dtype=torch.float64)
ORDERS = torch.tensor(list(itertools.permutations(range(4))))


def test_the_two_outcomes_of_a_comparison_sum_to_1():
    forth, back = (
        bradley_terry_logprob(REWARDS[0], REWARDS[1]),
        bradley_terry_logprob(*REWARDS[:2].flip(0)),
    )
    assert (forth.exp() + back.exp()).item() == pytest.approx(1, abs=1e-12)


def test_equal_rewards_are_a_fair_coin_and_better_wins():
    assert bradley_terry_logprob(REWARDS[0], REWARDS[0]).exp().item() == pytest.approx(0.5)
    assert bradley_terry_logprob(REWARDS[2], REWARDS[1]).exp() > 0.9


def test_huge_differences_stay_finite():
    assert bradley_terry_logprob(torch.tensor(-1e4), torch.tensor(1e4)).item() == -2e4


def test_accuracy_counts_a_tie_half():
    winner, loser = torch.tensor([1.0, 0.0, 2.0, 5.0]), torch.tensor([0.0, 1.0, 2.0, 5.0])
    assert preference_accuracy(winner, loser).item() == 0.5
    assert preference_accuracy(loser[:1], winner[:1]).item() == 0


def test_plackett_luce_sums_to_1_over_all_orders():
    assert plackett_luce_logprob(REWARDS[ORDERS]).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_plackett_luce_of_two_is_bradley_terry():
    pair = plackett_luce_logprob(REWARDS[:2])
    assert pair.item() == pytest.approx(bradley_terry_logprob(*REWARDS[:2]).item(), abs=1e-12)


def test_plackett_luce_pairs_are_bradley_terry():
    """The marginal over full rankings that response 0 stands before response 1."""
    before = torch.tensor([list(o).index(0) < list(o).index(1) for o in ORDERS.tolist()])
    marginal = plackett_luce_logprob(REWARDS[ORDERS]).exp()[before].sum().item()
    assert marginal == pytest.approx(bradley_terry_logprob(*REWARDS[:2]).exp().item(), abs=1e-12)


def test_sampled_rankings_have_plackett_luces_frequencies():
    generator = torch.Generator().manual_seed(0)
    rankings = sample_ranking(REWARDS.expand(100_000, 4), generator)
    frequency = (rankings[:, None] == ORDERS).all(-1).double().mean(0)
    expected = plackett_luce_logprob(REWARDS[ORDERS]).exp()
    standard_error = (expected * (1 - expected) / 100_000).sqrt()
    assert ((frequency - expected).abs() < 4.5 * standard_error).all()


def test_a_reward_of_nan_is_no_better_and_no_worse_than_another():
    rewards, generator = torch.tensor([50.0, torch.nan, 1.0]), torch.Generator().manual_seed(0)
    for draw in (
        lambda: sample_ranking(rewards, generator),
        lambda: sample_comparison(rewards, torch.zeros(3), generator),
        lambda: sample_comparison(torch.zeros(3), rewards, generator),
    ):
        with pytest.raises(FloatingPointError, match="a reward of NaN has no place in an order"):
            draw()
    assert preference_accuracy(rewards, torch.zeros(3)).isnan()
    assert preference_accuracy(torch.zeros(3), rewards).isnan()


def test_sampled_comparisons_have_bradley_terrys_frequency():
    generator = torch.Generator().manual_seed(0)
    first, second = REWARDS[0].expand(100_000), REWARDS[1].expand(100_000)
    frequency = sample_comparison(first, second, generator).double().mean().item()
    expected = bradley_terry_logprob(REWARDS[0], REWARDS[1]).exp().item()
    assert frequency == pytest.approx(expected, abs=0.006)
