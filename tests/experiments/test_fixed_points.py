"""The exact twin: each optimiser ends where it was predicted to, on responses it sampled itself.

These are whole runs: `make test` takes one of a kind, `make rerun` all.
"""

import pytest
import torch

from rlhf_lab.experiments import fixed_points
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.fixed_points import grpo_fixed_point
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs


def end(baseline, kl_in, **settings):
    run = fixed_points.run(0, baseline=baseline, kl_in=kl_in, **settings)
    return {name: values[-1] for name, values in run.items()}


def test_ppo_ends_at_the_optimum():
    assert end("critic", "reward")["to_optimum"] <= 0.01


RERUN = pytest.mark.rerun


@pytest.mark.parametrize(
    "baseline",
    [
        "mean-and-std",
        pytest.param("leave-one-out", marks=RERUN),
        pytest.param("group-mean", marks=RERUN),
    ],
)
def test_with_the_kl_in_the_reward_so_does_every_group_baseline(baseline):
    """At π* the reward less its penalty is one number for all responses: no advantage is left."""
    assert end(baseline, "reward", responses=512)["to_optimum"] <= 0.01


@pytest.mark.parametrize("baseline", ["group-mean", pytest.param("leave-one-out", marks=RERUN)])
def test_grpo_without_the_std_ends_at_its_own_fixed_point_and_away_from_the_optimum(baseline):
    """k3 in the loss alone, then with a mean that contains the response: β becomes 8/7 β."""
    last = end(baseline, "loss")
    assert last["to_prediction"] <= 0.02
    assert last["to_optimum"] >= 0.15


def test_the_mean_that_contains_the_response_is_told_apart_from_the_one_that_does_not():
    """The two predictions differ by more than the noise of a run."""
    world = exact_world(seed=0)
    ends = [fixed_points.predicted(world, baseline) for baseline in ("leave-one-out", "group-mean")]
    assert (ends[0].exp() - ends[1].exp()).abs().sum() / 2 > 0.03


@pytest.mark.rerun
def test_with_the_std_the_scale_of_the_reward_does_not_decide_the_kl_at_the_end():
    settings = {"baseline": "mean-and-std", "kl_in": "loss", "responses": 256}
    kls = [end(reward_scale=scale, **settings)["kl"] for scale in (0.25, 1.0, 4.0)]
    assert kls == pytest.approx([kls[1]] * 3, rel=0.02)


def test_without_it_it_does():
    """PPO's KL at the end is that of π*: 0.097 at scale 0.25, where GRPO's is 1.4."""
    scale = 0.25
    world = exact_world(reward_scale=scale, seed=0)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=fixed_points.BETA)
    expected = kl_divergence(optimum, world.reference_logprobs).item()
    assert end("critic", "reward", reward_scale=scale)["kl"] == pytest.approx(expected, rel=0.05)


def test_the_predicted_end_is_where_the_exact_expected_gradient_vanishes():
    """The gradient of E[r] less β times that of KL(ref ‖ π) at each prefix, by autograd."""
    world = exact_world(vocabulary=3, length=2, seed=1)
    logprobs = grpo_fixed_point(
        world.reference_logprobs, world.rewards, vocabulary=3, length=2, beta=0.5
    )
    assert logprobs.exp().sum().item() == pytest.approx(1)
    joint, reference = logprobs.exp().view(3, 3), world.reference_logprobs.exp().view(3, 3)
    logits = [joint.sum(1).log(), (joint / joint.sum(1, keepdim=True)).log()]
    logits = [x.requires_grad_() for x in logits]
    first, second = (x.log_softmax(-1) for x in logits)
    policy = (first[:, None] + second).exp()
    reward = (policy * world.rewards.view(3, 3)).sum()
    left = reference.sum(1)
    kl_first = (left * (left.log() - first)).sum()
    right = reference / left[:, None]
    kl_second = (first.detach().exp()[:, None] * right * (right.log() - second)).sum()
    gradients = torch.autograd.grad(reward - 0.5 * (kl_first + kl_second), logits)
    assert max(g.abs().max().item() for g in gradients) < 1e-12


def test_a_small_beta_chases_the_reward_and_a_large_one_stays():
    world = exact_world(seed=0)
    sizes = {"vocabulary": 5, "length": 3}
    small, large = (
        grpo_fixed_point(world.reference_logprobs, world.rewards, beta=b, **sizes)
        for b in (1e-3, 1e3)
    )
    assert small.argmax() == world.rewards.argmax()
    assert kl_divergence(large, world.reference_logprobs) < 1e-5
