from dataclasses import replace

import pytest
import torch

from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.losses import dpo_loss, implicit_reward
from rlhf_lab.models import TabularPolicy, tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.train.loop import history, minimise
from rlhf_lab.worlds.ending import ending_world
from rlhf_lab.worlds.exact import (
    as_preferences,
    exact_world,
    expected_pairs,
    observed_pairs,
    pair_dpo_loss,
    response_distribution,
    rewards_of,
    sample_pairs,
    starting_policy,
    world_around,
)
from rlhf_lab.worlds.optimum import (
    kl_divergence,
    log_partition,
    objective,
    optimal_logprobs,
    total_variation,
)

BETA = 0.5
WORLD = exact_world(seed=0)
REFERENCE, REWARDS = WORLD.reference_logprobs, WORLD.rewards
OPTIMUM = optimal_logprobs(REFERENCE, REWARDS, beta=BETA)


def any_policy(seed):
    policy = TabularPolicy(5, 3).double()
    with torch.no_grad():
        policy.table.normal_(generator=torch.Generator().manual_seed(seed))
    return response_distribution(policy, WORLD.responses)


def test_the_world_has_125_responses_and_31_prefixes():
    assert len(WORLD.responses) == 125
    assert len({tuple(row) for row in WORLD.responses.tokens.tolist()}) == 125
    assert WORLD.reference.table.shape == (31, 5)


def test_reference_and_optimum_are_distributions():
    assert REFERENCE.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert OPTIMUM.exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_rewards_have_the_stated_scale():
    rewards = exact_world(reward_scale=4.0, seed=3).rewards
    assert rewards.mean().item() == pytest.approx(0, abs=1e-12)
    assert (rewards**2).mean().item() == pytest.approx(16)


def test_the_optimal_value_is_beta_log_z():
    log_z = log_partition(REFERENCE, REWARDS, beta=BETA)
    best = objective(OPTIMUM, REFERENCE, REWARDS, beta=BETA)
    assert best.item() == pytest.approx(BETA * log_z.item(), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_every_policy_falls_short_by_beta_kl_to_the_optimum(seed):
    """J(π) = β log Z - β KL(π ‖ π*)."""
    policy = any_policy(seed)
    log_z = log_partition(REFERENCE, REWARDS, beta=BETA)
    expected = BETA * (log_z - kl_divergence(policy, OPTIMUM))
    value = objective(policy, REFERENCE, REWARDS, beta=BETA)
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)


def test_gradient_of_the_objective_vanishes_at_the_optimum_only():
    for logprobs, vanishes in ((OPTIMUM, True), (REFERENCE, False)):
        logits = logprobs.clone().requires_grad_()
        objective(logits.log_softmax(0), REFERENCE, REWARDS, beta=BETA).backward()
        assert (logits.grad.abs().max() < 1e-12) == vanishes


def test_total_variation_is_the_largest_error_of_an_event():
    better = OPTIMUM.exp() > REFERENCE.exp()
    error = (OPTIMUM.exp()[better] - REFERENCE.exp()[better]).sum()
    assert total_variation(OPTIMUM, REFERENCE).item() == pytest.approx(error.item())


def test_expected_dpo_loss_is_the_mean_over_sampled_pairs():
    policy = starting_policy(WORLD)
    with torch.no_grad():
        policy.table += torch.randn(policy.table.shape, generator=torch.Generator().manual_seed(1))
    numbers = sample_pairs(WORLD, 100_000, torch.Generator().manual_seed(0))
    pairs = as_preferences(WORLD, *numbers)
    chosen, rejected = (
        implicit_reward(
            sequence_logprobs(policy, side), sequence_logprobs(WORLD.reference, side), beta=BETA
        ).detach()
        for side in (pairs.chosen, pairs.rejected)
    )
    logprobs = response_distribution(policy, WORLD.responses)
    sampled = dpo_loss(chosen, rejected)
    exact = pair_dpo_loss(logprobs, REFERENCE, expected_pairs(REFERENCE, REWARDS), beta=BETA)
    counted = pair_dpo_loss(logprobs, REFERENCE, observed_pairs(*numbers, 125), beta=BETA)
    standard_error = (chosen - rejected).std() / 100_000**0.5  # |log σ| is 1-Lipschitz
    assert abs(sampled - exact) < 4 * standard_error
    assert counted.item() == pytest.approx(sampled.item(), abs=1e-10)


def test_expected_pairs_are_a_distribution():
    assert expected_pairs(REFERENCE, REWARDS).sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("world", "settings", "bound"),
    [
        (WORLD, {"steps": 300, "learning_rate": 0.1}, 0.01),
        (
            world_around(
                tiny_gpt2(5, layers=2, width=32, heads=2, context=4, seed=0).double(),
                length=3,
                reward_scale=1.0,
                generator=torch.Generator().manual_seed(0),
            ),
            {"steps": 500, "learning_rate": 5e-3},
            0.02,
        ),
    ],
    ids=["table", "tiny-gpt2"],
)
def test_dpo_on_the_expected_loss_ends_at_the_optimum(world, settings, bound):
    policy = starting_policy(world)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)

    pairs = expected_pairs(world.reference_logprobs, world.rewards)

    def loss():
        logprobs = sequence_logprobs(policy, world.responses)
        return pair_dpo_loss(logprobs, world.reference_logprobs, pairs, beta=BETA)

    def distance():
        return total_variation(response_distribution(policy, world.responses), optimum).item()

    assert distance() > 0.3
    losses = history(minimise(loss, policy, **settings))["loss"]
    assert losses[0] == pytest.approx(0.6931471805599453, abs=1e-12)
    assert distance() < bound


def test_a_world_without_choice_is_refused():
    with pytest.raises(ValueError, match="vocabulary >= 2"):
        exact_world(vocabulary=1)


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan")])
def test_a_beta_that_is_not_positive_is_refused(beta):
    with pytest.raises(ValueError, match="beta must be a finite number above 0"):
        optimal_logprobs(REFERENCE, REWARDS, beta=beta)


def test_rewards_are_those_of_whole_responses_only():
    some = torch.tensor([124, 0, 7])
    assert torch.equal(rewards_of(WORLD, WORLD.responses[some]), REWARDS[some])
    rows = WORLD.responses[some]
    short = replace(rows, tokens=rows.tokens[:, :1], mask=rows.mask[:, :1])
    with pytest.raises(ValueError, match=r"3 tokens, got lengths of \[1\]"):
        rewards_of(WORLD, short)


@pytest.mark.parametrize("token", [-1, 5])
def test_an_id_outside_the_vocabulary_is_no_other_response(token):
    """(0, 0, 5) would have the number, and the reward, of (0, 1, 0)."""
    rows = pad([[0]], [[0, 0, token]])
    with pytest.raises(ValueError, match=f"ids must be 0 to 4, got {token}"):
        rewards_of(WORLD, rows)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_no_generator_takes_is_refused(seed):
    for made in (exact_world, ending_world):
        with pytest.raises(ValueError, match="seed must be"):
            made(seed=seed)
