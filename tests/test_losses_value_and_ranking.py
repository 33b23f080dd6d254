"""Laws of the value loss, of the losses on rankings, and of the diagnostics."""

import itertools
import math

import pytest
import torch

from rlhf_lab.diagnostics import clip_fraction, entropy, explained_variance
from rlhf_lab.losses import clipped_value_loss, plackett_luce_loss, ranking_loss

MASK = torch.tensor([[True, True, True], [True, False, False]])
GENERATOR = torch.Generator().manual_seed(0)
VALUES, OLD, RETURNS = torch.randn(3, 2, 3, generator=GENERATOR, dtype=torch.float64)


def value_loss(values, old=OLD, returns=RETURNS, epsilon=0.2):
    return clipped_value_loss(values, old, returns, MASK, epsilon=epsilon)


def one(value, old, target):
    """The loss of a single token and its slope in the value."""
    mask = torch.ones(1, 1, dtype=torch.bool)
    x, old, target = (torch.tensor([[n]], dtype=torch.float64) for n in (value, old, target))
    x.requires_grad_()
    loss = clipped_value_loss(x, old, target, mask, epsilon=0.2)
    loss.backward()
    return loss.item(), x.grad.item()


@pytest.mark.parametrize(
    ("value", "old", "target", "loss", "slope"),
    [
        (0.1, 0.0, 1.0, 0.405, -0.9),  # near: half a squared error
        (0.5, 0.0, 1.0, 0.32, 0.0),  # has moved enough this way: (0.2 - 1)²/2, flat
        (-0.5, 0.0, 1.0, 1.125, -1.5),  # moved the wrong way: may come back
        (1.5, 0.0, 1.0, 0.32, 0.0),  # overshot, and yet flat: the clipped error is larger
        (2.5, 0.0, 1.0, 1.125, 1.5),  # overshot by more than that
    ],
)
def test_the_five_cases_of_the_value_loss(value, old, target, loss, slope):
    assert one(value, old, target) == pytest.approx((loss, slope))


def test_with_a_wide_clip_it_is_half_the_mean_squared_error():
    expected = ((VALUES - RETURNS)[MASK] ** 2).mean() / 2
    assert value_loss(VALUES, epsilon=1e6).item() == pytest.approx(expected.item())


def test_clipping_never_makes_the_loss_smaller():
    assert value_loss(VALUES) >= value_loss(VALUES, epsilon=1e6)


@pytest.mark.parametrize("pad", [torch.nan, torch.inf])
def test_padding_changes_neither_value_loss_nor_gradient(pad):
    clean = VALUES.clone().requires_grad_()
    dirty = torch.where(MASK, VALUES, pad).requires_grad_()
    losses = [value_loss(clean), value_loss(dirty, torch.where(MASK, OLD, pad))]
    assert losses[0].item() == losses[1].item()
    for loss in losses:
        loss.backward()
    assert torch.equal(dirty.grad, clean.grad)


def test_ranking_loss_of_two_is_bradley_terry_and_so_is_plackett_luce():
    pairs = torch.randn(5, 2, generator=GENERATOR, dtype=torch.float64)
    expected = torch.log1p(torch.exp(pairs[:, 1] - pairs[:, 0])).mean().item()
    assert ranking_loss(pairs).item() == pytest.approx(expected)
    assert plackett_luce_loss(pairs).item() == pytest.approx(expected)


def test_ranking_loss_is_the_mean_over_all_pairs_of_a_prompt_and_then_over_prompts():
    ranking = torch.randn(3, 4, generator=GENERATOR, dtype=torch.float64)
    of_pairs = [
        ranking_loss(torch.stack([row[i], row[j]])[None])
        for row in ranking
        for i, j in itertools.combinations(range(4), 2)
    ]
    assert len(of_pairs) == 3 * 6
    assert ranking_loss(ranking).item() == pytest.approx(torch.stack(of_pairs).mean().item())


def test_equal_rewards_cost_ln_2_a_pair_and_ln_of_k_factorial_a_ranking():
    equal = torch.zeros(2, 4, dtype=torch.float64)
    assert ranking_loss(equal).item() == pytest.approx(math.log(2))
    assert plackett_luce_loss(equal).item() == pytest.approx(math.log(math.factorial(4)))


def test_a_constant_per_prompt_changes_no_loss_on_rankings():
    """So a reward model is known up to a constant of the prompt: normalise its scores."""
    ranking = torch.randn(3, 4, generator=GENERATOR, dtype=torch.float64)
    constant = torch.tensor([[5.0], [-2.0], [0.3]], dtype=torch.float64)
    for loss in (ranking_loss, plackett_luce_loss):
        assert loss(ranking + constant).item() == pytest.approx(loss(ranking).item())


def test_the_probabilities_of_all_rankings_sum_to_1():
    rewards = torch.randn(4, generator=GENERATOR, dtype=torch.float64)
    orders = torch.tensor(list(itertools.permutations(range(4))))
    total = sum(math.exp(-plackett_luce_loss(rewards[order][None]).item()) for order in orders)
    assert total == pytest.approx(1)


def test_entropy_is_ln_v_for_equal_logits_and_0_for_a_certain_token():
    assert entropy(torch.zeros(2, 8, dtype=torch.float64)).tolist() == pytest.approx(
        [math.log(8)] * 2
    )
    certain = torch.tensor([0.0, -torch.inf, -torch.inf])
    assert entropy(certain).item() == 0


def test_entropy_is_that_of_torchs_distribution():
    logits = torch.randn(3, 4, 5, generator=GENERATOR, dtype=torch.float64)
    expected = torch.distributions.Categorical(logits=logits).entropy()
    assert torch.allclose(entropy(logits), expected)


def test_a_perfect_critic_explains_all_and_a_constant_one_nothing():
    returns = torch.where(MASK, RETURNS, torch.nan)
    assert explained_variance(returns, returns, MASK).item() == 1
    constant = torch.full_like(RETURNS, 3.0)
    assert explained_variance(constant, returns, MASK).item() == pytest.approx(0, abs=1e-12)
    assert explained_variance(-returns, returns, MASK).item() == pytest.approx(-3)


def test_the_clip_fraction_counts_real_tokens_on_the_flat_sides_only():
    ratio = torch.tensor([[1.3, 1.3, 0.7], [0.7, 9.0, 9.0]], dtype=torch.float64)
    advantages = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]], dtype=torch.float64)
    found = clip_fraction(ratio.log(), torch.zeros(2, 3).double(), advantages, MASK, epsilon=0.2)
    assert found.item() == 0.5


@pytest.mark.parametrize("epsilon", [0.0, -0.2, math.nan])
def test_a_clip_that_is_not_positive_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon must be a finite number above 0"):
        value_loss(VALUES, epsilon=epsilon)


def test_exact_values_explain_no_more_than_their_own_variance():
    """Of four texts two begin alike and earn 0 and 2, two earn 3 and 5: means 1 and 4."""
    returns = torch.tensor([[0.0], [2.0], [3.0], [5.0]])
    values = torch.tensor([[1.0], [1.0], [4.0], [4.0]])
    found = explained_variance(values, returns, torch.ones(4, 1, dtype=torch.bool))
    assert found.item() == pytest.approx(2.25 / 3.25)
