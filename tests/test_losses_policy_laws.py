"""Laws of the policy losses of PPO, TRPO's penalty form and GRPO that are not their formulas."""

import itertools
import math

import pytest
import torch

from rlhf_lab.advantages import group_outcome_advantages
from rlhf_lab.diagnostics import clip_fraction
from rlhf_lab.losses import (
    clipped_policy_loss,
    clipped_surrogate,
    grpo_loss,
    penalised_policy_loss,
    ppo_ptx_loss,
)

EPSILON = 0.2
GENERATOR = torch.Generator().manual_seed(0)
MASK = torch.arange(4) < torch.tensor([4, 1, 3])[:, None]
OLD, REFERENCE, ADVANTAGES = torch.randn(3, 3, 4, generator=GENERATOR, dtype=torch.float64)
MOVED = OLD + 0.5 * torch.randn(3, 4, generator=GENERATOR, dtype=torch.float64)


def leaf(x):
    return x.clone().requires_grad_()


def gradient(loss, x):
    return torch.autograd.grad(loss(x), x)[0]


def close(actual, expected, tolerance=1e-12):
    return torch.allclose(actual, torch.as_tensor(expected, dtype=actual.dtype), 0, tolerance)


def clipped(logprobs, old=OLD, advantages=ADVANTAGES, mask=MASK):
    return clipped_policy_loss(logprobs, old, advantages, mask, epsilon=EPSILON)


def penalised(logprobs, old=OLD, advantages=ADVANTAGES, mask=MASK, beta=0.7):
    return penalised_policy_loss(logprobs, old, advantages, mask, beta=beta)


def grpo(logprobs, old=OLD, reference=REFERENCE, advantages=ADVANTAGES, mask=MASK, beta=0.7):
    return grpo_loss(logprobs, old, reference, advantages, mask, epsilon=EPSILON, beta=beta)


def spoilt(x, value):
    return torch.where(MASK, x, value)


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope"),
    [
        (1.0, 2.0, 2.0, 2.0),
        (1.5, 2.0, 2.4, 0.0),  # risen enough: no reason to go on
        (0.5, 2.0, 1.0, 2.0),  # fell although it was good: free to come back
        (0.5, -2.0, -1.6, 0.0),  # fallen enough
        (1.5, -2.0, -3.0, -2.0),  # rose although it was bad
        (1.0, -2.0, -2.0, -2.0),
    ],
)
def test_the_six_cases_of_the_clipped_surrogate(ratio, advantage, value, slope):
    """Figure 1 of Schulman et al. 2017: flat for (A > 0, ρ > 1+ε) and (A < 0, ρ < 1-ε) only."""
    ratio = torch.tensor([ratio], dtype=torch.float64, requires_grad=True)
    surrogate = clipped_surrogate(ratio, torch.tensor([advantage], dtype=torch.float64), EPSILON)
    surrogate.backward()
    assert surrogate.item() == pytest.approx(value)
    assert ratio.grad.item() == slope


def test_the_surrogate_is_a_lower_bound_that_touches_at_the_old_policy():
    ratios = torch.linspace(0.1, 3, 59, dtype=torch.float64)
    for sign in (1.0, -1.0):
        advantages = torch.full_like(ratios, sign)
        assert (clipped_surrogate(ratios, advantages, EPSILON) <= ratios * advantages).all()
    assert close(clipped_surrogate(torch.ones_like(ADVANTAGES), ADVANTAGES, EPSILON), ADVANTAGES)


def test_at_the_old_policy_all_losses_have_the_gradient_of_the_policy_gradient():
    """-A_t ∇log π(y_t), weighted by how each loss averages: the penalty is flat there."""
    by_token = torch.where(MASK, -ADVANTAGES, 0) / MASK.sum()
    by_response = torch.where(MASK, -ADVANTAGES, 0) / MASK.sum(1, keepdim=True) / 3
    assert close(gradient(clipped, leaf(OLD)), by_token)
    assert close(gradient(penalised, leaf(OLD)), by_token)
    assert close(gradient(lambda x: grpo(x, beta=0.0), leaf(OLD)), by_response)


def test_a_clipped_token_has_no_gradient_and_clip_fraction_counts_it():
    found = gradient(clipped, leaf(MOVED))
    share = (found[MASK] == 0).double().mean()
    assert 0 < share < 1
    counted = clip_fraction(MOVED, OLD, ADVANTAGES, MASK, epsilon=EPSILON)
    assert counted.item() == pytest.approx(share.item())


def test_clipping_takes_away_the_reason_to_move_but_bounds_nothing():
    """Another token's gradient, through shared weights, can carry a ratio out of the range."""
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    slopes = torch.tensor([[3.0, 0.5]], dtype=torch.float64)
    mask = torch.ones(1, 2, dtype=torch.bool)
    for _ in range(50):
        loss = clipped(weight * slopes, torch.zeros(1, 2).double(), advantages, mask)
        weight = (weight - 0.1 * torch.autograd.grad(loss, weight)[0]).detach().requires_grad_()
    ratios = (weight * slopes).exp()
    assert ratios[0, 0] > 2.5
    assert ratios[0, 1] > 1 + EPSILON


@pytest.mark.parametrize("loss", [clipped, penalised, grpo])
@pytest.mark.parametrize("pad", [torch.nan, torch.inf, -1e30])
def test_padding_of_any_value_changes_neither_loss_nor_gradient(loss, pad):
    clean, dirty = leaf(MOVED), leaf(spoilt(MOVED, pad))
    value = loss(dirty, spoilt(OLD, 0.0), advantages=spoilt(ADVANTAGES, pad))
    assert close(value, loss(clean))
    value.backward()
    assert close(dirty.grad, gradient(loss, clean))
    assert (dirty.grad[~MASK] == 0).all()


def test_the_expected_penalty_is_the_kl_from_the_old_policy_and_so_is_its_gradient():
    """Sum over all tokens of a vocabulary of six, each weighted by π_old."""
    old = torch.randn(6, generator=GENERATOR, dtype=torch.float64).log_softmax(0)
    logits = leaf(torch.randn(6, generator=GENERATOR, dtype=torch.float64))
    new = logits.log_softmax(0)
    mask = torch.ones(1, 1, dtype=torch.bool)
    terms = [
        penalised_policy_loss(
            new[a].view(1, 1), old[a].view(1, 1), 0 * old[:1, None], mask, beta=2.0
        )
        for a in range(6)
    ]
    expected = (old.exp() * torch.stack(terms)).sum()
    kl = 2 * torch.nn.functional.kl_div(new, old, log_target=True, reduction="sum")
    assert close(expected, kl.item())
    gradients = [torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (expected, kl)]
    assert close(*gradients)


def test_grpos_value_at_the_first_step_is_0_and_its_gradient_is_not():
    """Ratio 1, reference = policy, advantages of mean 0: only the value vanishes."""
    advantages = group_outcome_advantages(torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64))
    advantages = advantages.view(3, 1).expand(3, 4)
    logprobs = leaf(OLD)
    loss = grpo(logprobs, reference=OLD, advantages=advantages)
    assert loss.item() == pytest.approx(0, abs=1e-15)
    loss.backward()
    assert (logprobs.grad[MASK].abs() > 0.01).all()


def test_a_group_of_equal_rewards_moves_nothing_but_by_the_kl():
    advantages = group_outcome_advantages(torch.full((1, 3), 0.7, dtype=torch.float64))
    advantages = advantages.view(3, 1).expand(3, 4)
    found = gradient(lambda x: grpo(x, advantages=advantages, beta=0.0), leaf(MOVED))
    assert close(found, torch.zeros(3, 4))


def test_grpo_counts_each_response_alike_and_ppo_each_token():
    """Doubling the length of every response by a copy of its tokens changes neither mean;
    doubling only one moves PPO's loss and not GRPO's."""
    assert close(grpo(MOVED), sum(_alone(grpo, row) for row in range(3)) / 3)
    tokens = MASK.sum(1)
    by_token = sum(_alone(clipped, row) * tokens[row] for row in range(3)) / tokens.sum()
    assert close(clipped(MOVED), by_token)
    assert not close(clipped(MOVED), sum(_alone(clipped, row) for row in range(3)) / 3, 1e-3)


def _alone(loss, row):
    """The loss of one response without its padding."""
    length = int(MASK[row].sum())
    old, advantages, moved = (x[row : row + 1, :length] for x in (OLD, ADVANTAGES, MOVED))
    settings = {"advantages": advantages, "mask": MASK[row : row + 1, :length]}
    if loss is grpo:
        settings["reference"] = REFERENCE[row : row + 1, :length]
    return loss(moved, old, **settings)


def test_micro_batches_of_whole_responses_give_grpos_gradient():
    """Each weighted by its number of responses: no token of another micro-batch is needed."""
    whole = gradient(grpo, leaf(MOVED))
    parts = []
    for rows in (slice(0, 1), slice(1, 3)):
        x = leaf(MOVED[rows])
        parts.append(
            gradient(
                lambda x, r=rows: grpo(x, OLD[r], REFERENCE[r], ADVANTAGES[r], MASK[r])
                * (r.stop - r.start) / 3,
                x,
            )
        )  # fmt: skip
    assert close(torch.cat(parts), whole)


def test_the_kl_of_grpos_loss_pulls_to_the_reference_as_kl_of_ref_and_policy():
    """On-policy the expected gradient of the k3 term is that of KL(ref ‖ π), not KL(π ‖ ref)."""
    reference = torch.randn(6, generator=GENERATOR, dtype=torch.float64).log_softmax(0)
    logits = leaf(torch.randn(6, generator=GENERATOR, dtype=torch.float64))
    new = logits.log_softmax(0)
    weights, mask = new.detach().exp(), torch.ones(1, 1, dtype=torch.bool)
    terms = [[x[a].view(1, 1) for x in (new, new.detach(), reference)] for a in range(6)]
    zero = torch.zeros(1, 1, dtype=torch.float64)
    expected = sum(
        weight * grpo_loss(*term, zero, mask, epsilon=EPSILON, beta=1.0)
        for weight, term in zip(weights, terms, strict=True)
    )
    reverse = (reference.exp() * (reference - new)).sum()
    found = [torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (expected, reverse)]
    assert close(*found)


def test_the_printed_second_term_without_the_advantage_differs_for_a_negative_advantage():
    """min(ρA, clip(ρ)) is 0.8 above its value for A = -1, ρ = 0.5, and never flat there."""
    ratio = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    advantage = torch.tensor([-1.0], dtype=torch.float64)
    printed = torch.minimum(ratio * advantage, ratio.clamp(1 - EPSILON, 1 + EPSILON))
    printed.backward()
    assert ratio.grad.item() == -1
    assert printed.item() == pytest.approx(-0.5)
    assert clipped_surrogate(ratio, advantage, EPSILON).item() == pytest.approx(-0.8)


def test_ppo_ptx_adds_gamma_times_the_loss_of_pretraining():
    """At γ = 27.8 one more nat a token of pretraining loss costs 27.8."""
    texts = torch.log(torch.tensor([[0.5, 0.25, 0.1], [0.5, torch.nan, 1.0]], dtype=torch.float64))
    mask = torch.tensor([[True, True, True], [True, False, False]])
    loss = ppo_ptx_loss(torch.tensor(1.0).double(), texts, mask, gamma_ptx=27.8)
    nats = -(math.log(0.5) + math.log(0.25) + math.log(0.1) + math.log(0.5)) / 4
    assert loss.item() == pytest.approx(1 + 27.8 * nats)
    assert ppo_ptx_loss(torch.tensor(1.0).double(), texts, mask, gamma_ptx=0.0) == 1


@pytest.mark.parametrize("epsilon", [0.0, -0.2, math.nan, math.inf])
def test_an_epsilon_that_is_not_positive_is_refused(epsilon):
    message = "epsilon must be a finite number above 0"
    with pytest.raises(ValueError, match=message):
        clipped_policy_loss(MOVED, OLD, ADVANTAGES, MASK, epsilon=epsilon)
    with pytest.raises(ValueError, match=message):
        grpo_loss(MOVED, OLD, REFERENCE, ADVANTAGES, MASK, epsilon=epsilon, beta=0.1)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_negative_weight_is_refused(weight):
    for loss in (penalised, grpo):
        with pytest.raises(ValueError, match="beta must be a finite number, 0 or above"):
            loss(MOVED, beta=weight)
    with pytest.raises(ValueError, match="gamma_ptx must be a finite number, 0 or above"):
        ppo_ptx_loss(torch.tensor(1.0).double(), MOVED, MASK, gamma_ptx=weight)


def test_rows_may_come_in_any_order():
    for order in itertools.permutations(range(3)):
        rows = list(order)
        shuffled = grpo(MOVED[rows], OLD[rows], REFERENCE[rows], ADVANTAGES[rows], MASK[rows])
        assert close(shuffled, grpo(MOVED))
