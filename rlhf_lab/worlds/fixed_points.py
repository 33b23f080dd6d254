"""Where GRPO ends, exactly: not at π*, because its KL to the reference is k3 in the loss.

On the policy's own samples the expected gradient of k3 is that of KL(ref ‖ π) at each prefix, and
no reward passes on the KL of later tokens. So a table of logits rests where, at every prefix s,

    π(a|s) [Q(s, a) - V(s)] = β [π(a|s) - ref(a|s)],   or   π(a|s) = β ref(a|s) / (λ_s - Q(s, a)),

with Q(s, a) the expected reward under π after s, a, and λ_s such that π(·|s) sums to 1. The last
tokens come first, since their Q is the reward itself. Not in the paper; found by hand.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.settings import require_positive

BISECTIONS = 60  # halve an interval of width β until float64 has no more digits


def grpo_fixed_point(
    reference: Float[Tensor, "response"],
    rewards: Float[Tensor, "response"],
    *,
    vocabulary: int,
    length: int,
    beta: float,
) -> Float[Tensor, "response"]:
    """log π(y) of the policy at which GRPO without the std rests, over all responses of a world.

    `beta` is that of the loss where the baseline leaves the response itself out; a group's mean
    that contains it makes it β G/(G-1): see `self_in_mean`.
    """
    require_positive(beta=beta)
    shape = (vocabulary,) * length
    left, value = reference.exp().view(shape), rewards.view(shape)
    logprobs = torch.zeros_like(value)
    for depth in reversed(range(length)):
        prefix = left.sum(dim=-1)
        conditional = left / prefix[..., None]
        policy = _tilted(conditional, value, beta)
        later = (1,) * (length - 1 - depth)
        logprobs = logprobs + policy.log().view(*policy.shape, *later)
        value = (policy * value).sum(dim=-1)
        left = prefix
    return logprobs.flatten()


def self_in_mean(beta: float, *, group_size: int) -> float:
    """β G/(G-1): what β acts as when the baseline is a mean that contains the response itself."""
    return beta * group_size / (group_size - 1)


def _tilted(
    reference: Float[Tensor, "*prefix vocab"], q: Float[Tensor, "*prefix vocab"], beta: float
) -> Float[Tensor, "*prefix vocab"]:
    """β ref/(λ - Q) with λ found by bisection: the sum falls from above 1 to below 1 in between."""
    top = q.amax(dim=-1, keepdim=True)
    low, high = top.clone(), top + beta
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_large = (beta * reference / (middle - q)).sum(dim=-1, keepdim=True) > 1
        low, high = torch.where(too_large, middle, low), torch.where(too_large, high, middle)
    policy = beta * reference / (high - q)
    return policy / policy.sum(dim=-1, keepdim=True)
