"""What does λ trade, when nothing is sampled? Bias and variance of GAE, exactly (PPO-10, PPO-11).

Every response of the exact world is weighed with its probability, so that both are sums.
Hypothesis: with exact values the bias is 0 at every λ; with wrong values it falls to 0 as λ goes
to 1; the variance of the gradient of one response is larger at λ = 1 than at λ = 0 in either case.
Refuted where one of these fails in a world. Note: that the variance of one token's advantage rises
is proved for exact values only.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.advantages import gae
from rlhf_lab.experiments.exact_gradients import (
    BETA,
    drawn,
    exact_values,
    token_scores,
    world_rewards,
)
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.models import TabularPolicy
from rlhf_lab.train.loop import History, history
from rlhf_lab.worlds.exact import ExactWorld
from rlhf_lab.worlds.optimum import objective

LAMBDAS = tuple(step / 10 for step in range(11))
CRITICS = ("exact", "off by 0.5", "always 0")


def run(seed: int, *, critic: str) -> History:
    """Bias and variance for each λ, with a policy drawn at random and one of three critics."""
    world, policy, generator = drawn(seed)
    values = exact_values(world, policy)
    if critic == "off by 0.5":
        values = values + 0.5 * _error_of_each_prefix(values, generator)
    elif critic == "always 0":
        values = torch.zeros_like(values)
    elif critic != "exact":
        raise ValueError(f"critic must be one of {CRITICS}, got {critic!r}")
    scores = token_scores(world, policy)
    rewards, mask = world_rewards(world, policy).detach(), world.responses.mask

    def rows():
        for lam in LAMBDAS:
            advantages = gae(rewards, values, mask, gamma=1.0, lam=lam)
            yield {"lam": lam} | gradient_moments(world, policy, advantages, scores)

    return history(rows())


def gradient_moments(
    world: ExactWorld,
    policy: TabularPolicy,
    advantages: Float[Tensor, "response token"],
    scores: Float[Tensor, "response token entry"],
) -> dict[str, float]:
    """|E[g] - ∇J| and E‖g - E[g]‖² of g = Σ_t Â_t ∇log π(y_t), for one response y of the policy.

    `scores` are the ∇log π(y_t), from `token_scores`.
    """
    single = torch.einsum("nt,ntp->np", advantages, scores)
    logprobs = sequence_logprobs(policy, world.responses)
    value = objective(logprobs, world.reference_logprobs, world.rewards, beta=BETA)
    (exact,) = torch.autograd.grad(value, policy.table)
    weights = logprobs.detach().exp()
    mean = weights @ single
    return {
        "bias": (mean - exact.flatten()).norm().item(),
        "variance": (weights @ (single - mean).square()).sum().item(),
        "gradient": exact.norm().item(),
    }


def _error_of_each_prefix(values: Tensor, generator: torch.Generator) -> Tensor:
    """A normal number for each text so far: the same wherever the text so far is the same."""
    errors = torch.empty_like(values)
    count, tokens = values.shape
    for t in range(tokens):
        prefixes = round(count ** (t / tokens))
        drawn = torch.randn(prefixes, generator=generator, dtype=values.dtype)
        errors[:, t] = drawn.repeat_interleave(count // prefixes)
    return errors
