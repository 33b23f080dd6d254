"""RLOO, Dr. GRPO, DAPO and GSPO: laws that are not their formulas."""

import itertools

import pytest
import torch

from rlhf_lab.advantages import centred_outcome_advantages, leave_one_out_advantages
from rlhf_lab.group_losses import (
    asymmetric_surrogate,
    dapo_loss,
    dr_grpo_loss,
    gspo_loss,
    informative_groups,
    rloo_loss,
    sequence_ratio,
)
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.losses import clipped_surrogate, grpo_loss
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.worlds.exact import exact_world, starting_policy
from rlhf_lab.worlds.optimum import objective

SHORT, LONG = 2, 6
CLIPS = {"epsilon_low": 0.2, "epsilon_high": 0.28}


def batch(seed=0, lengths=(LONG, SHORT, 4, LONG)):
    """Log-probs of the policy and of the old one, Â of each token, the mask; NaN at the pads."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    old = -torch.rand(shape, generator=generator, dtype=torch.float64) - 0.1
    new = old + 0.05 * torch.randn(shape, generator=generator, dtype=torch.float64)
    advantages = torch.randn(len(lengths), 1, generator=generator, dtype=torch.float64)
    new, old = (torch.where(mask, x, torch.nan) for x in (new, old))
    return new, old, advantages.expand(shape), mask


def gradient(loss, logprobs):
    logprobs = logprobs.clone().requires_grad_()
    loss(logprobs).backward()
    return logprobs.grad


def test_the_mean_over_every_group_is_the_gradient_of_the_objective():
    """RLOO is unbiased: four responses, all 64 groups of three, each by its probability."""
    world = exact_world(vocabulary=2, length=2, seed=1)
    policy, beta = starting_policy(world), 0.3
    with torch.no_grad():
        policy.table.normal_(generator=torch.Generator().manual_seed(0))
    logprob = sequence_logprobs(policy, world.responses)
    reference, now = world.reference_logprobs, logprob.detach()
    rewards = world.rewards - beta * (now - reference)
    groups = torch.tensor(list(itertools.product(range(4), repeat=3)))
    chance = now[groups].sum(dim=1).exp()
    means = {}
    for advantages_of in (leave_one_out_advantages, centred_outcome_advantages):
        advantages = advantages_of(rewards[groups])
        losses = [rloo_loss(logprob[g], a) for g, a in zip(groups, advantages, strict=True)]
        (means[advantages_of],) = torch.autograd.grad(
            chance @ torch.stack(losses), policy.table, retain_graph=True
        )
    (true,) = torch.autograd.grad(
        objective(logprob, reference, world.rewards, beta=beta), policy.table
    )
    torch.testing.assert_close(means[leave_one_out_advantages], -true, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        means[centred_outcome_advantages], -true * 2 / 3, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("name", ["grpo", "dr-grpo", "dapo", "gspo"])
def test_at_the_first_step_a_token_weighs_what_its_loss_says(name):
    """With ratio 1 the gradient of a token is -Â times 1/(G |o_i|), 1/(G C) or 1/Σ|o_i|."""
    _, old, advantages, mask = batch()
    lengths = mask.sum(dim=1, keepdim=True)
    losses = {
        "grpo": lambda x: grpo_loss(x, old, old, advantages, mask, epsilon=0.2, beta=0.0),
        "dr-grpo": lambda x: dr_grpo_loss(x, old, advantages, mask, epsilon=0.2, longest=8),
        "dapo": lambda x: dapo_loss(x, old, advantages, mask, **CLIPS),
        "gspo": lambda x: gspo_loss(x, old, advantages[:, 0], mask, epsilon=0.2),
    }
    weights = {
        "grpo": 1 / (4 * lengths),
        "dr-grpo": torch.tensor(1 / (4 * 8)),
        "dapo": 1 / lengths.sum(),
        "gspo": 1 / (4 * lengths),
    }
    expected = torch.where(mask, -advantages * weights[name], 0)
    torch.testing.assert_close(gradient(losses[name], old), expected)


def test_dr_grpo_divides_by_a_constant_so_a_longer_mask_of_pads_changes_nothing():
    new, old, advantages, mask = batch()
    wide = [torch.nn.functional.pad(x, (0, 3)) for x in (new, old, advantages, mask)]
    settings = {"epsilon": 0.2, "longest": 9}
    assert dr_grpo_loss(*wide, **settings) == dr_grpo_loss(new, old, advantages, mask, **settings)


def test_with_equal_lengths_and_equal_clips_dapo_and_dr_grpo_are_grpo():
    new, old, advantages, mask = batch(lengths=(5, 5, 5))
    grpo = grpo_loss(new, old, old, advantages, mask, epsilon=0.2, beta=0.0)
    same = {"epsilon_low": 0.2, "epsilon_high": 0.2}
    torch.testing.assert_close(dapo_loss(new, old, advantages, mask, **same), grpo)
    constant = dr_grpo_loss(new, old, advantages, mask, epsilon=0.2, longest=5)
    torch.testing.assert_close(constant, grpo)


@pytest.mark.parametrize(
    ("ratio", "advantage", "slope"),
    [(1.25, 1, 1), (1.29, 1, 0), (0.5, 1, 1), (0.79, -1, 0), (0.81, -1, -1), (3.0, -1, -1)],
)
def test_the_slope_of_the_asymmetric_surrogate_in_each_case(ratio, advantage, slope):
    ratio = torch.tensor(ratio, requires_grad=True)
    asymmetric_surrogate(ratio, torch.tensor(float(advantage)), **CLIPS).backward()
    assert ratio.grad.item() == slope


def test_with_equal_clips_the_asymmetric_surrogate_is_ppos():
    ratio, advantages = torch.rand(99) * 3, torch.randn(99)
    same = asymmetric_surrogate(ratio, advantages, epsilon_low=0.3, epsilon_high=0.3)
    assert (same == clipped_surrogate(ratio, advantages, 0.3)).all()


def test_groups_of_equal_rewards_are_not_informative():
    rewards = torch.tensor([[1.0, 1, 1], [0, 1, 0], [0, 0, 0]])
    assert informative_groups(rewards).tolist() == [False, True, False]
    assert (centred_outcome_advantages(rewards)[~informative_groups(rewards)] == 0).all()


def test_the_sequence_ratio_to_the_power_of_the_length_is_the_ratio_of_the_responses():
    new, old, _, mask = batch()
    whole = (sum_over_tokens(new, mask) - sum_over_tokens(old, mask)).exp()
    torch.testing.assert_close(sequence_ratio(new, old, mask) ** mask.sum(dim=1), whole)


def test_gspo_gives_every_token_of_a_response_the_same_push_and_grpo_does_not():
    new, old, advantages, mask = batch()
    pushes = {
        "gspo": gradient(lambda x: gspo_loss(x, old, advantages[:, 0], mask, epsilon=0.9), new),
        "grpo": gradient(
            lambda x: grpo_loss(x, old, old, advantages, mask, epsilon=0.9, beta=0.0), new
        ),
    }
    spread = {name: (push[0, :LONG].max() - push[0, :LONG].min()) for name, push in pushes.items()}
    assert spread["gspo"] < 1e-15 < 1e-3 < spread["grpo"]


def test_a_clipped_response_has_no_gradient_at_any_token():
    new, old, advantages, mask = batch()
    push = gradient(lambda x: gspo_loss(x, old, advantages[:, 0], mask, epsilon=1e-6), new)
    risen = (sequence_ratio(new, old, mask) > 1) == (advantages[:, 0] > 0)
    assert risen.any()
    assert (push[risen] == 0).all()
    assert (push[~risen][mask[~risen]] != 0).all()


@pytest.mark.parametrize("wrong", [0.0, -0.1, float("inf")])
def test_a_clip_that_is_not_positive_is_refused(wrong):
    new, old, advantages, mask = batch()
    with pytest.raises(ValueError, match="epsilon_high must be a finite number above 0"):
        dapo_loss(new, old, advantages, mask, epsilon_low=0.2, epsilon_high=wrong)
    with pytest.raises(ValueError, match="epsilon must be a finite number above 0"):
        gspo_loss(new, old, advantages[:, 0], mask, epsilon=wrong)
    with pytest.raises(ValueError, match="longest must be a whole number, 1 or above"):
        dr_grpo_loss(new, old, advantages, mask, epsilon=0.2, longest=0)
