"""Bias and variance of GAE as sums over all responses, beside samples of them."""

from functools import cache

import pytest
import torch

from rlhf_lab.experiments import gae_lambda, gradient_estimates
from rlhf_lab.experiments.exact_gradients import drawn, exact_values, world_rewards
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.worlds.optimum import kl_divergence


@cache
def run(critic):
    return gae_lambda.run(100, critic=critic)


@pytest.mark.parametrize("seed", range(5))
def test_the_policy_is_not_the_reference(seed):
    """Else no token but the last would have a reward, and the KL would be left out of every sum."""
    world, policy, _ = drawn(seed)
    logprobs = sequence_logprobs(policy, world.responses)
    assert kl_divergence(logprobs, world.reference_logprobs) > 0.1
    assert world_rewards(world, policy)[:, :-1].abs().mean() > 0.1


def test_exact_values_of_given_rewards_are_means_over_what_begins_alike():
    world, policy, _ = drawn(0)
    rewards = world.rewards[:, None].expand(-1, 3)
    values = exact_values(world, policy, rewards)
    chance = sequence_logprobs(policy, world.responses).exp().detach()
    for tokens in range(3):
        begin = world.responses.tokens[:, :tokens]
        alike = (begin == begin[37]).all(dim=1)
        mean = (chance * world.rewards)[alike].sum() / chance[alike].sum()
        assert values[37, tokens].item() == pytest.approx(mean.item())


def test_with_exact_values_no_lambda_is_biased_and_the_variance_rises():
    found = run("exact")
    assert max(found["bias"]) < 1e-12
    assert found["variance"] == sorted(found["variance"])


@pytest.mark.parametrize("critic", gae_lambda.CRITICS[1:])
def test_with_wrong_values_the_bias_falls_to_nothing_at_lambda_one(critic):
    bias = run(critic)["bias"]
    assert bias == sorted(bias, reverse=True)
    assert bias[0] > 0.05
    assert bias[-1] < 1e-12


def test_samples_agree_with_the_sums():
    """At λ = 0.5, the same policy and the same wrong values, from 16,384 drawn responses."""
    sampled = gradient_estimates.run(100, baseline="values-of-0", responses=16_384)
    exact = run("always 0")
    assert sampled["variance"][1] == pytest.approx(exact["variance"][5], rel=0.05)
    assert sampled["bias"][1] == pytest.approx(
        exact["bias"][5], abs=4 * sampled["standard_error"][1]
    )


def test_an_unknown_critic_is_refused():
    with pytest.raises(ValueError, match="critic must be one of"):
        gae_lambda.run(0, critic="perfect")


def test_an_error_of_the_values_depends_on_the_text_so_far_alone():
    values = torch.zeros(125, 3, dtype=torch.float64)
    errors = gae_lambda._error_of_each_prefix(values, torch.Generator().manual_seed(0))
    assert [len(column.unique()) for column in errors.unbind(dim=1)] == [1, 5, 25]
