"""IPO, SimPO and KTO: laws that are not their formulas."""

import math

import pytest
import torch
from jaxtyping import config

from rlhf_lab.losses import dpo_loss, implicit_reward
from rlhf_lab.preference_losses import (
    average_logprob_reward,
    ipo_loss,
    kto_loss,
    simpo_loss,
    squared_margin_error,
    thumb_value,
)

WEIGHTS = {"desirable_weight": 1.0, "undesirable_weight": 1.5}


def draws(count, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, generator=generator, dtype=torch.float64)


def test_ipo_is_0_where_every_margin_is_met_and_only_there():
    rejected = draws(5, 0)
    assert ipo_loss(rejected + 2.5, rejected, tau=0.2) < 1e-28
    assert ipo_loss(rejected + 2.6, rejected, tau=0.2).item() == pytest.approx(0.01)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_ipo_is_smallest_at_the_margin_that_the_share_of_wins_gives(share):
    """(2p - 1)/(2τ), found on a grid: finite also where one response always wins."""
    tau, margins = 0.3, torch.linspace(-4, 4, 8001, dtype=torch.float64)
    losses = share * squared_margin_error(margins, tau=tau)
    losses = losses + (1 - share) * squared_margin_error(-margins, tau=tau)
    assert margins[losses.argmin()].item() == pytest.approx((2 * share - 1) / (2 * tau), abs=1e-3)


def test_beyond_its_margin_ipo_pushes_back_and_dpo_still_pulls():
    chosen = torch.tensor([9.0], dtype=torch.float64, requires_grad=True)
    rejected = torch.zeros(1, dtype=torch.float64)
    (of_ipo,) = torch.autograd.grad(ipo_loss(chosen, rejected, tau=0.1), chosen)
    (of_dpo,) = torch.autograd.grad(dpo_loss(0.1 * chosen, 0.1 * rejected), chosen)
    assert of_ipo > 0 > of_dpo


def test_simpo_with_equal_lengths_and_a_uniform_reference_is_dpo():
    """β/|y| log π is then β/|y| log(π/ref) up to a constant, which cancels in a pair."""
    length, words = 4, 7
    chosen, rejected = (draws((3, length), seed).sub(2) for seed in (1, 2))
    mask = torch.ones(3, length, dtype=torch.bool)
    rewards = (average_logprob_reward(side, mask, beta=2.0) for side in (chosen, rejected))
    reference = torch.full((3,), -length * math.log(words), dtype=torch.float64)
    implied = (
        implicit_reward(side.sum(dim=1), reference, beta=2.0 / length)
        for side in (chosen, rejected)
    )
    torch.testing.assert_close(simpo_loss(*rewards, margin=0.0), dpo_loss(*implied))


def test_simpos_reward_does_not_change_when_a_response_is_said_twice():
    once = draws((2, 3), 0)
    twice = torch.cat([once, once], dim=1)
    rewards = [
        average_logprob_reward(x, torch.ones(x.shape, dtype=torch.bool), beta=2.0)
        for x in (once, twice)
    ]
    torch.testing.assert_close(*rewards)


def test_simpos_reward_ignores_what_stands_at_the_pads():
    logprobs = torch.tensor([[-1.0, -3.0, math.nan]])
    mask = torch.tensor([[True, True, False]])
    assert average_logprob_reward(logprobs, mask, beta=1.0).item() == -2.0


def test_a_larger_margin_costs_more_and_a_pair_at_its_margin_costs_log_two():
    rejected = draws(4, 3)
    assert simpo_loss(rejected + 0.5, rejected, margin=0.5).item() == pytest.approx(math.log(2))
    assert simpo_loss(rejected, rejected, margin=1.0) > simpo_loss(rejected, rejected, margin=0.5)


def test_at_the_reference_point_a_thumb_is_worth_half_its_weight():
    reward, point = torch.full((2,), 0.7), torch.tensor(0.7)
    thumbs = torch.tensor([True, False])
    assert thumb_value(reward, point, thumbs, **WEIGHTS).tolist() == [0.5, 0.75]
    assert kto_loss(reward, point, thumbs, **WEIGHTS).item() == pytest.approx((0.5 + 0.75) / 2)


def test_each_thumb_is_measured_from_the_weight_of_its_kind():
    """Three up and one down, in float64: a weight in float32 would be off by 1e-8."""
    reward, point = draws(4, 0), draws(1, 1).squeeze()
    weights = {"desirable_weight": 0.7, "undesirable_weight": 1.3}
    thumbs = torch.tensor([True, True, False, True])
    value = thumb_value(reward, point, thumbs, **weights)
    most = (3 * 0.7 + 1.3) / 4
    found = kto_loss(reward, point, thumbs, **weights)
    assert found.item() == pytest.approx(most - value.mean().item(), abs=1e-14)


def test_a_thumb_up_pulls_up_a_thumb_down_pushes_down_and_both_let_go_far_away():
    thumbs = torch.tensor([True, False])
    pushes = []
    for start in (-9.0, 0.0, 9.0):
        reward = torch.full((2,), start, dtype=torch.float64, requires_grad=True)
        point = torch.zeros((), dtype=torch.float64)
        (push,) = torch.autograd.grad(kto_loss(reward, point, thumbs, **WEIGHTS), reward)
        pushes.append(push)
    assert all(push[0] < 0 < push[1] for push in pushes)
    assert pushes[1].abs().min() > 500 * max(pushes[0].abs().max(), pushes[2].abs().max())


@pytest.mark.parametrize("share", [0.2, 0.55, 0.65, 0.9])
def test_kto_follows_the_majority_of_thumbs_at_every_reward(share):
    """Its slope keeps one sign: that of λ_U (1 - p) - λ_D p. So no finite reward is best."""
    rewards = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    up = torch.ones(13, dtype=torch.bool)
    point = torch.zeros((), dtype=torch.float64)
    good, bad = (thumb_value(rewards, point, thumb, **WEIGHTS) for thumb in (up, ~up))
    (slope,) = torch.autograd.grad((share * good + (1 - share) * bad).sum(), rewards)
    assert (slope.sign() == (1 if share > 0.6 else -1)).all()


def test_the_reference_point_has_no_gradient():
    reward = torch.zeros(1, requires_grad=True)
    kto_loss(reward, 2 * reward.sum(), torch.tensor([True]), **WEIGHTS).backward()
    assert reward.grad.item() == pytest.approx(-0.25)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"thumb_up": torch.tensor([1, 0])}, "thumb_up must be bool of shape"),
        ({"thumb_up": torch.tensor([True])}, "thumb_up must be bool of shape"),
        ({"reference_point": torch.zeros(2)}, "reference_point must be floats of shape"),
        ({"reward": torch.tensor([1, 2])}, "reward must be floats"),
    ],
)
def test_the_value_of_a_thumb_is_of_bools_and_one_reference_point(changed, message):
    config.update("jaxtyping_disable", True)  # users have no type checker
    given = {"reward": draws(2, 0), "reference_point": torch.tensor(0.0)}
    given |= {"thumb_up": torch.tensor([True, False])} | changed
    with pytest.raises(ValueError, match=message):
        thumb_value(**given, **WEIGHTS)


def test_settings_that_mean_nothing_are_refused():
    pair = draws(2, 0), draws(2, 1)
    with pytest.raises(ValueError, match="tau must be a finite number above 0"):
        ipo_loss(*pair, tau=0.0)
    with pytest.raises(ValueError, match="margin must be a finite number, 0 or above"):
        simpo_loss(*pair, margin=-1.0)
    with pytest.raises(ValueError, match="beta must be a finite number above 0"):
        average_logprob_reward(draws((2, 2), 0), torch.ones(2, 2, dtype=torch.bool), beta=0.0)
    with pytest.raises(ValueError, match="undesirable_weight must be a finite number above 0"):
        kto_loss(
            pair[0],
            pair[1].sum(),
            torch.tensor([True, False]),
            desirable_weight=1.0,
            undesirable_weight=0.0,
        )
