"""The circle for what came after DPO and GRPO: what is derived is what the package computes."""

from functools import cache

import pytest
import torch
from derived_numbers import close, mpf, value

from rlhf_lab.derivations import dapo, gspo, ipo, kto, simpo
from rlhf_lab.derivations.group_notation import G, i
from rlhf_lab.derivations.grpo import A, token_old, token_policy, tokens
from rlhf_lab.derivations.notation import N, beta, policy, reward, theta, y, y_l, y_w
from rlhf_lab.derivations.policy_gradient import length
from rlhf_lab.group_losses import asymmetric_surrogate, dapo_loss, gspo_loss
from rlhf_lab.losses import dpo_loss, grpo_loss
from rlhf_lab.preference_losses import (
    average_logprob_reward,
    simpo_loss,
    squared_margin_error,
    thumb_value,
)
from rlhf_lab.worlds.ending import ending_world
from rlhf_lab.worlds.preference_optima import simpo_optimum

built = cache(lambda make: make())
LENGTHS = (5, 1, 3)
BETA = 2.0


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
def test_the_least_of_ipo_is_the_packages_at_the_derived_margin(share):
    tau, derivation = 0.3, built(ipo.margin_of_ipo)
    margin = torch.tensor((2 * share - 1) / (2 * tau), dtype=torch.float64, requires_grad=True)
    won, lost = (squared_margin_error(sign * margin, tau=tau) for sign in (1, -1))
    loss = share * won + (1 - share) * lost
    known = {(ipo.p,): share, (ipo.tau,): tau, (ipo.h,): margin.item()}
    for line in derivation.lines:
        close(value(line.expression, derivation.given, known), loss)
    (slope,) = torch.autograd.grad(loss, margin)
    close(slope, torch.zeros(()).double())


def test_the_slope_of_dpo_without_noise_is_autograds():
    margin = torch.tensor([1.7], dtype=torch.float64, requires_grad=True)
    loss = dpo_loss(0.3 * margin, torch.zeros(1, dtype=torch.float64))
    (slope,) = torch.autograd.grad(loss, margin)
    derivation, known = built(ipo.dpo_without_noise), {(beta,): 0.3, (ipo.h,): 1.7}
    close(value(derivation.start, derivation.given, known), loss)
    close(value(derivation.lines[1].expression, derivation.given, known), slope[0])


@pytest.mark.parametrize(("ups", "downs"), [(3, 1), (1, 4)])
def test_the_derived_thumbs_are_the_packages(ups, downs):
    u = torch.tensor([0.8], dtype=torch.float64, requires_grad=True)
    weights = {"desirable_weight": 1.3, "undesirable_weight": 0.7}
    thumbs = torch.tensor([True] * ups + [False] * downs)
    point = torch.tensor(0.25, dtype=torch.float64)
    worth = thumb_value((u + point).expand(ups + downs), point, thumbs, **weights).sum()
    (slope,) = torch.autograd.grad(worth, u)
    known = {(kto.ups,): ups, (kto.downs,): downs, (kto.u,): 0.8, (kto.good,): 1.3, (kto.bad,): 0.7}
    derivation = built(kto.slope_of_thumbs)
    close(value(derivation.start, derivation.given, known), worth)
    close(value(derivation.end, derivation.given, known), slope[0])
    if ups * 1.3 > downs * 0.7:
        majority = built(kto.majority_of_thumbs)
        known = {**known, (kto.gap,): ups * 1.3 - downs * 0.7}
        del known[kto.good,]
        close(value(majority.start, majority.given, known), worth)
        close(value(majority.lines[1].expression, majority.given, known), slope[0])


def test_the_derived_gradient_of_simpo_is_autograds():
    """Log-probs of both responses depend on one parameter, each by a slope of its own."""
    logprobs, slopes = -random(2, 4).abs() - 0.5, random(2, 4, seed=1)
    mask = torch.tensor([[True] * 4, [True] * 2 + [False] * 2])
    parameter = torch.zeros((), dtype=torch.float64, requires_grad=True)
    chosen, rejected = average_logprob_reward(logprobs + parameter * slopes, mask, beta=BETA)
    loss = simpo_loss(chosen[None], rejected[None], margin=0.4)
    loss.backward()
    whole = (torch.where(mask, x, 0).sum(dim=1) for x in (logprobs, slopes))
    known = {(y_w,): 1, (y_l,): 2, (N,): 2, (beta,): BETA, (simpo.gamma,): 0.4, (theta,): 0}
    for k, (logprob, slope, count) in enumerate(zip(*whole, (4, 2), strict=True), start=1):
        known[policy, mpf(k), mpf(0)] = logprob.exp()
        known[policy, mpf(k), mpf(0), theta] = logprob.exp() * slope
        known[length, mpf(k)] = count
    derivation = built(simpo.gradient_of_simpo)
    close(value(derivation.start, derivation.given, known), loss)
    for line in derivation.lines[1:]:
        close(value(line.expression, derivation.given, known), parameter.grad)


def test_the_derived_policy_of_simpo_is_the_worlds():
    world = ending_world(vocabulary=3, longest=3, seed=0)
    lengths = world.responses.mask.sum(dim=1)
    optimum = simpo_optimum(world.rewards, lengths, beta=BETA)
    shift = (BETA * optimum / lengths - world.rewards).mean()
    derivation = built(simpo.policy_of_simpo)
    for k, (reward_of, count) in enumerate(zip(world.rewards, lengths, strict=True), start=1):
        known = {(y,): k, (beta,): BETA, (simpo.c,): shift, (N,): len(lengths)}
        known |= {(reward, mpf(k)): reward_of, (length, mpf(k)): count}
        close(value(derivation.end.rhs, derivation.given, known), optimum[k - 1].exp())


@cache
def responses():
    """Log-probs of the policy and of the old one, Â of each response, the mask."""
    policy_logprobs, old = (-1 - 0.1 * random(3, 5, seed=k).abs() for k in (2, 3))
    mask = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
    return policy_logprobs, old, random(3, seed=4), mask


def test_the_derived_mean_over_all_tokens_is_dapo_loss():
    new, old, advantages, mask = responses()
    by_token = advantages[:, None].expand(mask.shape)
    clips = {"epsilon_low": 0.2, "epsilon_high": 0.28}
    surrogate = asymmetric_surrogate((new - old).exp(), by_token, **clips)
    known = {(G,): 3} | {(tokens, mpf(k)): n for k, n in enumerate(LENGTHS, start=1)}
    for row, n in enumerate(LENGTHS):
        for t in range(n):
            place = (dapo.surrogate.func, mpf(t + 1), mpf(row + 1))
            known[place] = surrogate[row, t]
    derivation = built(dapo.mean_over_all_tokens)
    for line in derivation.lines:
        derived = value(line.expression, derivation.given, known)
        close(-derived, dapo_loss(new, old, by_token, mask, **clips))


def test_between_the_clips_the_slope_is_the_packages():
    known = {(dapo.low,): 0.2, (dapo.more,): 0.08, (dapo.size,): 1.5, (theta,): 0}
    known |= {(dapo.s.func, mpf(0)): 1.0, (dapo.u.func, mpf(0)): 3.0}
    ratio = torch.tensor((1.2 + 3 * 1.28) / 4, dtype=torch.float64, requires_grad=True)
    clips = {"epsilon_low": 0.2, "epsilon_high": 0.28}
    worth = asymmetric_surrogate(ratio, torch.tensor(1.5, dtype=torch.float64), **clips)
    derivation = built(dapo.between_the_clips)
    for line in derivation.lines[:2]:
        close(value(line.expression, derivation.given, known), worth)
    (slope,) = torch.autograd.grad(worth, ratio)
    assert slope.item() == 1.5


@pytest.mark.parametrize("on_policy", [False, True])
def test_the_derived_gradient_of_gspo_is_autograds(on_policy):
    """Each log-prob depends on one parameter, by a slope of its own; first step: GRPO's too."""
    new, old, advantages, mask = responses()
    old, slope = (new if on_policy else old), random(3, 5, seed=5)
    make = gspo.first_step_of_gspo if on_policy else gspo.gradient_of_gspo
    derivation = built(make)
    by_token = advantages[:, None].expand(mask.shape)
    for row, n in enumerate(LENGTHS):
        one = slice(row, row + 1)
        parameter = torch.zeros((), dtype=torch.float64, requires_grad=True)
        moved = new + parameter * slope
        loss = gspo_loss(moved[one], old[one], advantages[one], mask[one], epsilon=0.9)
        (gradient,) = torch.autograd.grad(loss, parameter, retain_graph=True)
        known = {(i,): row + 1, (theta,): 0, (A,): advantages[row], (tokens, mpf(row + 1)): n}
        for t in range(n):
            place = (mpf(t + 1), mpf(row + 1))
            known[(token_policy, *place, mpf(0))] = new[row, t].exp()
            known[(token_policy, *place, mpf(0), theta)] = new[row, t].exp() * slope[row, t]
            known[(token_old, *place)] = old[row, t].exp()
        lines = derivation.lines if on_policy else derivation.lines[1:]
        for line in lines:
            close(-value(line.expression, derivation.given, known), gradient)
        if on_policy:
            limits = {"epsilon": 0.9, "beta": 0.0}
            same = grpo_loss(moved[one], old[one], old[one], by_token[one], mask[one], **limits)
            close(torch.autograd.grad(same, parameter)[0], gradient)
