"""The KL-regularised objective over all responses, its optimum, and distances to it.

Every argument is a vector over all responses of a world (axis "response"): log-probabilities of a
policy, or rewards. Nothing is estimated.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.settings import require_positive


def log_partition(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"], *, beta: float
) -> Float[Tensor, ""]:
    """log Z = log Σ_y ref(y) exp(r(y) / β)."""
    require_positive(beta=beta)
    return torch.logsumexp(reference + rewards / beta, dim=0)


def optimal_logprobs(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"], *, beta: float
) -> Float[Tensor, "response"]:
    """log π*(y) = log ref(y) + r(y) / β - log Z (Rafailov et al. 2023, Eq. 4)."""
    return reference + rewards / beta - log_partition(reference, rewards, beta=beta)


def kl_divergence(p: Float[Tensor, "response"], q: Float[Tensor, "response"]) -> Float[Tensor, ""]:
    """KL(p ‖ q) = Σ_y p(y) [log p(y) - log q(y)] of two vectors of log-probs, in nats."""
    return (p.exp() * (p - q)).sum()


def total_variation(
    p: Float[Tensor, "response"], q: Float[Tensor, "response"]
) -> Float[Tensor, ""]:
    """TV(p, q) = ½ Σ_y |p(y) - q(y)|: the largest error in the probability of any event."""
    return (p.exp() - q.exp()).abs().sum() / 2


def objective(
    policy: Float[Tensor, "response"],
    reference: Float[Tensor, "response"],
    rewards: Float[Tensor, "response"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """J(π) = E_π[r] - β KL(π ‖ ref), to be maximised."""
    return (policy.exp() * rewards).sum() - beta * kl_divergence(policy, reference)
