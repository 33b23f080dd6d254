"""Laws of the DPO loss that are not its formula."""

import math

import pytest
import torch

from rlhf_lab.losses import dpo_loss, implicit_reward


def draws(count, seed, *, scale=3.0):
    """Normal float64 numbers with gradient, for rewards or log-probs."""
    generator = torch.Generator().manual_seed(seed)
    numbers = scale * torch.randn(count, generator=generator, dtype=torch.float64)
    return numbers.requires_grad_()


def close(actual, expected, tolerance=1e-12):
    """Within 1e-12 everywhere; a float64 number may be expected of every element."""
    return ((actual - expected).abs() <= tolerance).all()


def rewards_at_the_start(chosen, rejected, beta):
    """Implicit rewards while the policy still is the reference."""
    return [implicit_reward(logprob, logprob.detach(), beta=beta) for logprob in (chosen, rejected)]


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0, 5.0])
def test_at_the_start_both_rewards_are_zero_and_the_loss_is_log_two(beta):
    chosen, rejected = (draws(6, seed) for seed in (0, 1))
    rewards = rewards_at_the_start(chosen, rejected, beta)
    assert all((reward == 0).all() for reward in rewards)
    assert dpo_loss(*rewards).item() == math.log(2)


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0, 5.0])
def test_at_the_start_each_logprob_is_pushed_by_half_beta(beta):
    """Per pair, whatever the pair: the gradient's weight σ(-margin) is 1/2."""
    chosen, rejected = (draws(6, seed) for seed in (0, 1))
    rewards = rewards_at_the_start(chosen, rejected, beta)
    dpo_loss(*rewards).backward()
    assert close(6 * chosen.grad, -beta / 2)
    assert close(6 * rejected.grad, beta / 2)


def test_a_constant_per_prompt_changes_neither_loss_nor_gradient():
    """A reward is known only up to a term in the prompt: β log Z(x) cancels."""
    chosen, rejected, constant = (draws(6, seed) for seed in (2, 3, 4))
    plain = dpo_loss(chosen, rejected)
    moved = dpo_loss(chosen + constant, rejected + constant)
    assert close(moved, plain)
    assert close(torch.autograd.grad(moved, constant, retain_graph=True)[0], 0.0)
    for of_moved, of_plain in zip(
        torch.autograd.grad(moved, (chosen, rejected)),
        torch.autograd.grad(plain, (chosen, rejected)),
        strict=True,
    ):
        assert close(of_moved, of_plain)


def test_the_gradient_raises_the_chosen_and_lowers_the_rejected_by_the_same():
    chosen, rejected = (draws(6, seed) for seed in (5, 6))
    dpo_loss(chosen, rejected).backward()
    assert (chosen.grad < 0).all()
    assert close(chosen.grad + rejected.grad, 0.0)


def test_the_gradient_is_larger_where_the_rewards_order_the_pair_worse():
    chosen, rejected = (draws(6, seed) for seed in (7, 8))
    dpo_loss(chosen, rejected).backward()
    worst_first = (chosen - rejected).detach().argsort()
    assert (chosen.grad[worst_first].diff() > 0).all()


def test_swapping_chosen_and_rejected_adds_the_mean_margin():
    """log σ(m) - log σ(-m) = m."""
    first, second = (draws(6, seed) for seed in (9, 10))
    difference = dpo_loss(first, second) - dpo_loss(second, first)
    assert close(difference, -(first - second).mean())


def test_swapping_the_labels_exchanges_probabilities_that_sum_to_one():
    first, second = (draws(1, seed) for seed in (11, 12))
    total = torch.exp(-dpo_loss(first, second)) + torch.exp(-dpo_loss(second, first))
    assert close(total, 1.0)


def test_the_loss_of_a_batch_is_the_mean_over_its_pairs():
    """So accumulating the gradients of two halves, each divided by two, changes nothing."""
    chosen, rejected = (draws(6, seed) for seed in (13, 14))
    halves = [dpo_loss(chosen[rows], rejected[rows]) for rows in (slice(0, 3), slice(3, 6))]
    assert close(sum(halves) / 2, dpo_loss(chosen, rejected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_large_margins_neither_overflow_nor_lose_their_gradient(dtype):
    """Ordered wrongly by 10,000 nats the loss is 10,000 with slope -1; rightly, both are 0."""
    zero = torch.zeros(1, dtype=dtype)
    for margin, loss, slope in ((-1e4, 1e4, -1.0), (1e4, 0.0, 0.0)):
        chosen = torch.full((1,), margin, dtype=dtype, requires_grad=True)
        value = dpo_loss(chosen, zero)
        value.backward()
        assert value.item() == loss
        assert chosen.grad.item() == slope


def test_a_small_loss_is_not_rounded_to_zero():
    """At margin 30 the loss is log(1 + e^-30), which float32 loses if it forms σ first."""
    loss = dpo_loss(torch.tensor([30.0]), torch.tensor([0.0]))
    assert loss.item() == pytest.approx(math.log1p(math.exp(-30)), rel=1e-5)


def test_the_loss_is_convex_in_the_rewards():
    """At the middle of two sets of rewards it is at most the mean of the two losses."""
    for seed in range(20, 40):
        a, b, c, d = (draws(6, 4 * seed + offset) for offset in range(4))
        middle = dpo_loss((a + c) / 2, (b + d) / 2)
        assert middle < (dpo_loss(a, b) + dpo_loss(c, d)) / 2


def test_beta_and_the_log_ratio_enter_as_a_product():
    """Half the β on twice the log-ratio: the same rewards, the same loss."""
    policy, reference = (draws(6, seed) for seed in (15, 16))
    doubled = implicit_reward(2 * policy, 2 * reference, beta=0.25)
    assert close(doubled, implicit_reward(policy, reference, beta=0.5))


@pytest.mark.parametrize("beta", [0.05, 0.1, 1.0, 5.0])
def test_the_best_log_ratio_for_given_preferences_shrinks_as_one_over_beta(beta):
    """With p the share of first wins the minimum lies at log-ratio margin log(p/(1-p))/β."""
    win_rate = torch.tensor(0.8, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    margin = (win_rate.logit() / beta).reshape(1).requires_grad_()
    reward = implicit_reward(margin, zero, beta=beta)
    expected = win_rate * dpo_loss(reward, zero) + (1 - win_rate) * dpo_loss(zero, reward)
    assert close(torch.autograd.grad(expected, margin)[0], 0.0)


@pytest.mark.parametrize("beta", [0.0, -0.1, float("nan"), float("inf")])
def test_a_beta_that_is_not_finite_and_positive_is_refused(beta):
    logprob = torch.zeros(1)
    with pytest.raises(ValueError, match=f"beta must be a finite number above 0, got {beta}"):
        implicit_reward(logprob, logprob, beta=beta)
