"""Where GRPO ends: the derived fixed points against exact worlds, the loss and a maximiser."""

from functools import cache

import pytest
import torch
from derived_numbers import close, table, value
from scipy.optimize import brentq

from rlhf_lab.advantages import centred_outcome_advantages, group_outcome_advantages
from rlhf_lab.derivations import (
    grpo_against_ppo,
    grpo_expected_gradient,
    grpo_fixed_points,
    grpo_maximum,
)
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.group_notation import G, c
from rlhf_lab.derivations.notation import N, beta, policy, reference, reward, y, y_l, y_w
from rlhf_lab.losses import grpo_loss
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.fixed_points import grpo_fixed_point
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs, total_variation

mpf = ARITHMETIC.mpf
built = cache(lambda make: make())
world = cache(lambda: exact_world(vocabulary=5, length=1, seed=0))
BETA, COUNT = 0.5, 5


def known_world(strength=BETA):
    """The world's responses, rewards and reference as the derivations' letters."""
    return {
        (N,): COUNT,
        (beta,): strength,
        **table(reward, world().rewards),
        **table(reference, world().reference_logprobs.exp()),
    }


@cache
def derived_fixed_point(strength):
    """log of β ref/(λ - r), the derived formula, with the λ at which it sums to 1."""
    formula = built(grpo_fixed_points.fixed_point)
    given, letter = formula.given.opaque(), grpo_fixed_points.lambda_

    def probabilities(multiplier):
        known = {**known_world(strength), (letter,): multiplier}
        places = range(1, COUNT + 1)
        return torch.tensor(
            [value(formula.end.rhs, given, {**known, (y,): k}) for k in places],
            dtype=torch.float64,
        )

    best, share = world().rewards, strength * world().reference_logprobs.exp()
    ends = (best + share).max().item(), best.max().item() + strength
    root = brentq(lambda at: probabilities(at).sum().item() - 1, *ends, xtol=1e-15, rtol=1e-14)
    return probabilities(root).log()


def forward_kl_objective(logprobs, strength=BETA):
    """E_π[r] - β KL[ref ‖ π], by the package's KL."""
    pull = kl_divergence(world().reference_logprobs, logprobs)
    return logprobs.exp() @ world().rewards - strength * pull


def test_the_derived_fixed_point_is_the_exact_worlds():
    coded = grpo_fixed_point(
        world().reference_logprobs, world().rewards, vocabulary=COUNT, length=1, beta=BETA
    )
    close(derived_fixed_point(BETA), coded)
    assert total_variation(coded, optimum(BETA)) > 0.05


def optimum(strength, scale=1.0):
    """log π*."""
    return optimal_logprobs(world().reference_logprobs, scale * world().rewards, beta=strength)


def test_a_numerical_maximiser_ends_at_the_derived_fixed_point():
    logits = world().reference_logprobs.clone().requires_grad_()
    search = torch.optim.LBFGS(
        [logits],
        max_iter=300,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-12,
        tolerance_change=0,
    )

    def loss():
        search.zero_grad()
        negative = -forward_kl_objective(logits.log_softmax(0))
        negative.backward()
        return negative

    search.step(loss)
    close(derived_fixed_point(BETA).exp(), logits.log_softmax(0).exp(), tolerance=1e-7)


def test_the_derived_value_of_any_policy_is_the_packages():
    """Both the objective and how far it lies below the best one."""
    formula = built(grpo_maximum.value_below_the_fixed_point)
    any_policy, best = optimum(2.0), derived_fixed_point(BETA)
    known = known_world() | {
        (grpo_maximum.best,): forward_kl_objective(best),
        **table(policy, any_policy.exp()),
        **table(grpo_maximum.fixed, best.exp()),
    }
    given, coded = formula.given.opaque(), forward_kl_objective(any_policy)
    for line in formula.lines[:2]:
        close(value(line.expression, given, known), coded)
    assert coded < forward_kl_objective(best)


def expected_gradient(logits, size, strength, advantages_of, scale=1.0):
    """The gradient of the package's grpo_loss over the logits, in the mean over all groups.

    Each group of responses of one token counts by its probability; on-policy.
    """
    logits = logits.clone().requires_grad_()
    logprobs = logits.log_softmax(0)
    groups = torch.cartesian_prod(*[torch.arange(COUNT)] * size).view(-1, size)
    advantages = advantages_of(scale * world().rewards[groups])
    chance = logprobs.detach()[groups].sum(dim=1).exp()
    mask = torch.ones(size, 1, dtype=torch.bool)
    losses = [
        grpo_loss(
            logprobs[group][:, None],
            logprobs.detach()[group][:, None],
            world().reference_logprobs[group][:, None],
            own[:, None],
            mask,
            epsilon=0.2,
            beta=strength,
        )
        for group, own in zip(groups, advantages, strict=True)
    ]
    (chance @ torch.stack(losses)).backward()
    return logits.grad


@pytest.mark.parametrize("size", [2, 3])
def test_the_packages_loss_rests_where_beta_is_the_derived_one(size):
    """With the own sample in the mean: at the fixed point of β G/(G - 1), and not at that of β."""
    inside = built(grpo_expected_gradient.own_sample_in_the_mean).end.args[1].expr
    pull = inside.args[1].subs({grpo_expected_gradient.TO_POLICY: 1, G: size, beta: BETA})
    acts_as = float(-pull)
    assert acts_as == pytest.approx(BETA * size / (size - 1))
    resting, other = (
        expected_gradient(derived_fixed_point(strength), size, BETA, centred_outcome_advantages)
        for strength in (acts_as, BETA)
    )
    close(torch.zeros(COUNT), resting)
    assert other.abs().max() > 1e-3


def test_the_packages_std_takes_the_scale_away_and_ppo_keeps_it():
    """Rewards of 1e4 and 1e6 times the size, so that ε = 1e-4 does not count."""
    gradients = [
        expected_gradient(optimum(1.0), 3, BETA, group_outcome_advantages, scale)
        for scale in (1e4, 1e6)
    ]
    close(gradients[0], gradients[1], tolerance=1e-7)
    formula = built(grpo_against_ppo.scale_matters_to_ppo)
    for scale in (0.25, 1.0, 4.0):
        ratios = optimum(BETA, scale) - world().reference_logprobs
        known = {(c,): scale, (beta,): BETA, (y_w,): 1, (y_l,): 2}
        known |= table(grpo_against_ppo.unit_reward, world().rewards)
        close(value(formula.end, formula.given, known), ratios[0] - ratios[1])


def test_with_the_kl_in_the_reward_no_group_has_an_advantage_at_the_optimum():
    formula = built(grpo_against_ppo.penalised_reward_at_the_optimum)
    penalised = world().rewards - BETA * (optimum(BETA) - world().reference_logprobs)
    constant = value(formula.end, formula.given, known_world())
    close([constant] * COUNT, penalised)
    groups = torch.combinations(torch.arange(COUNT), 3)
    close(torch.zeros(len(groups), 3), group_outcome_advantages(penalised[groups]), tolerance=1e-9)
