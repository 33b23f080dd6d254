"""How far are sampled policy gradients from the exact one, and how noisy? (PPO-10, PPO-11, GRPO-4)

Hypothesis: with exact values GAE is unbiased at every λ and its variance rises with λ; with values
of 0 only λ = 1 is unbiased. A group's mean that contains the response shrinks the gradient of the
reward by 1 - 1/G; leaving the response out does not. A baseline lowers the variance and leaves the
mean. Refuted where an estimate said to be unbiased is more than 3 standard errors away.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.advantages import gae
from rlhf_lab.experiments import exact_gradients
from rlhf_lab.experiments.exact_gradients import BETA, exact_values, token_scores, world_rewards
from rlhf_lab.experiments.exact_group_runs import BASELINES
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    rises,
    together,
)
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.models import TabularPolicy
from rlhf_lab.train.loop import History, history
from rlhf_lab.worlds.exact import ExactWorld
from rlhf_lab.worlds.optimum import objective

LAMBDAS, GROUP_SIZES = (0.0, 0.5, 0.95, 1.0), (2, 4, 16, 64)
CRITICS = ("exact-values", "values-of-0")
VARIANTS = {f"gradient-{name}": {"baseline": name} for name in (*CRITICS, *BASELINES)}


@dataclass(frozen=True)
class Estimate:
    """Distance of a mean over many responses to the exact gradient, and what noise explains."""

    bias: float
    """|mean - exact|, where nothing but noise is expected: about one standard error"""
    standard_error: float
    """√(variance / responses)"""
    variance: float
    """trace of the covariance, for one response"""


def run(seed: int, *, baseline: str, responses: int = 65_536) -> History:
    """One baseline, at a policy that is not the reference, for every λ or every size of group."""
    world, policy, generator = exact_gradients.drawn(seed)
    return history(_rows(world, policy, baseline, responses, generator))


def _rows(world, policy, baseline, responses, generator):
    if baseline in BASELINES:
        advantages = BASELINES[baseline]
        for size in GROUP_SIZES:
            found = group_estimate(world, policy, advantages, size, responses, generator)
            yield {"group_size": size} | vars(found)
        return
    values = exact_values(world, policy) * (baseline == "exact-values")
    for lam in LAMBDAS:
        yield {"lam": lam} | vars(gae_estimate(world, policy, values, lam, responses, generator))


def gae_estimate(
    world: ExactWorld,
    policy: TabularPolicy,
    values: Float[Tensor, "response token"],
    lam: float,
    responses: int,
    generator: torch.Generator,
) -> Estimate:
    """Σ_t Â_t ∇log π(y_t) against the gradient of J(π) = E[r] - β KL(π ‖ ref)."""
    with torch.no_grad():
        rewards = world_rewards(world, policy)
        advantages = gae(rewards, values, world.responses.mask, gamma=1.0, lam=lam)
    sampled = _sampled(world, policy, responses, generator)
    single = torch.einsum("nt,ntp->np", advantages, token_scores(world, policy))[sampled]
    logprobs = sequence_logprobs(policy, world.responses)
    exact = objective(logprobs, world.reference_logprobs, world.rewards, beta=BETA)
    return _estimate(single, torch.autograd.grad(exact, policy.table)[0].flatten(), 1)


def group_estimate(
    world: ExactWorld,
    policy: TabularPolicy,
    advantages,
    group_size: int,
    responses: int,
    generator: torch.Generator,
) -> Estimate:
    """Mean over a group of Â_i ∇log π(y_i) against the gradient of E[r]."""
    sampled = _sampled(world, policy, responses, generator).view(-1, group_size)
    weights = advantages(world.rewards[sampled])
    scores = token_scores(world, policy).sum(dim=1)[sampled]
    single = (weights[..., None] * scores).mean(dim=1)
    expected = (sequence_logprobs(policy, world.responses).exp() * world.rewards).sum()
    exact = torch.autograd.grad(expected, policy.table)[0].flatten()
    return _estimate(single, exact, group_size)


def _sampled(world, policy, responses, generator) -> Tensor:
    probability = sequence_logprobs(policy, world.responses).exp().detach()
    return torch.multinomial(probability, responses, replacement=True, generator=generator)


def _estimate(single: Tensor, exact: Tensor, responses_each: int) -> Estimate:
    variance = single.var(dim=0).sum()
    error = (variance / len(single)).sqrt()
    bias = (single.mean(dim=0) - exact).norm()
    return Estimate(bias.item(), error.item(), variance.item() * responses_each)


def verdict(runs: Recorded) -> Verdict:
    """Distances in standard errors, expected below 3 without bias; λ or group size by row."""

    def errors(name: str, row: int) -> np.ndarray:
        found = runs[f"gradient-{name}"]
        return ends(found, "bias", row) / ends(found, "standard_error", row)

    exact, zero = (runs[f"gradient-{name}"] for name in CRITICS)
    return together(
        *(
            below(f"exact values, λ = {lam:g}: bias", errors("exact-values", row), 3.0)
            for row, lam in enumerate(LAMBDAS)
        ),
        above("their variance, λ = 1 less λ = 0", rises(exact, "variance")),
        above("values of 0, λ = 0: bias", errors("values-of-0", 0), 3.0),
        below("values of 0, λ = 1: bias", errors("values-of-0", -1), 3.0),
        below("leave one of 2 out: bias", errors("leave-one-out", 0), 3.0),
        above("group mean of 2: bias", errors("group-mean", 0), 3.0),
        above("variance, 0 less exact values", differences(zero, exact, "variance")),
    )
