import math

import pytest
import torch

from rlhf_lab.experiments import reward_overfitting
from rlhf_lab.experiments.reward_overfitting import best_at, comparison_loss, gain
from rlhf_lab.worlds.exact import exact_world, expected_pairs, pair_dpo_loss
from rlhf_lab.worlds.optimum import kl_divergence

WORLD = exact_world(seed=0)


@pytest.fixture(scope="module")
def tables():
    return {
        form: reward_overfitting.run(0, form=form, pairs=300) for form in ("explicit", "implicit")
    }


def test_both_begin_at_ln_2_and_at_the_reference(tables):
    for table in tables.values():
        for name in ("seen_loss", "fresh_loss"):
            assert table[name][0] == pytest.approx(math.log(2))
        assert [table[name][0] for name in ("kl", "gain", "possible")] == pytest.approx([0] * 3)


def test_both_fit_what_they_see_ever_better_and_fresh_comparisons_worse_again(tables):
    for table in tables.values():
        assert table["seen_loss"] == sorted(table["seen_loss"], reverse=True)
        assert min(table["fresh_loss"]) < table["fresh_loss"][0] < table["fresh_loss"][-1]
        entropy = (
            -(expected_pairs(WORLD.reference_logprobs, WORLD.rewards))
            .mul(torch.nn.functional.logsigmoid(WORLD.rewards[:, None] - WORLD.rewards))
            .sum()
        )
        assert min(table["fresh_loss"]) > entropy  # who knows the truth does best


def test_no_policy_gains_more_than_is_possible_at_its_kl(tables):
    for table in tables.values():
        shortfall = [p - g for p, g in zip(table["possible"], table["gain"], strict=True)]
        assert min(shortfall) > -1e-9
        assert shortfall[-1] > 0.5


@pytest.mark.parametrize("kl", [0.01, 0.5, 2.0])
def test_the_best_policy_at_a_kl_has_that_kl_and_beats_mixtures_of_the_same_kl(kl):
    best = best_at(WORLD, kl)
    assert kl_divergence(best, WORLD.reference_logprobs).item() == pytest.approx(kl, abs=1e-6)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = best + 0.3 * torch.randn(125, generator=generator, dtype=torch.float64)
        other = other.log_softmax(dim=0)
        at_its_kl = best_at(WORLD, kl_divergence(other, WORLD.reference_logprobs).item())
        assert gain(WORLD, other) < gain(WORLD, at_its_kl)


def test_of_implicit_rewards_the_loss_is_dpos():
    policy = best_at(WORLD, 1.0)
    pairs = expected_pairs(WORLD.reference_logprobs, WORLD.rewards)
    implicit = 0.5 * (policy - WORLD.reference_logprobs)
    by_dpo = pair_dpo_loss(policy, WORLD.reference_logprobs, pairs, beta=0.5)
    assert comparison_loss(implicit, pairs).item() == pytest.approx(by_dpo.item())
