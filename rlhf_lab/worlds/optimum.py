"""The KL-regularised objective over all responses, its optimum, and distances to it.

Every argument is a vector over all responses of a world (axis "response"): log-probabilities of a
policy, or rewards. Nothing is estimated. Each function raises ValueError unless its vectors are
floats of one shape.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.settings import require_not_negative, require_positive
from rlhf_lab.shapes import require_floats


def log_partition(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"], *, beta: float
) -> Float[Tensor, ""]:
    """log Z = log Σ_y ref(y) exp(r(y) / β)."""
    require_positive(beta=beta)
    require_floats("response", reference=reference, rewards=rewards)
    return torch.logsumexp(reference + rewards / beta, dim=0)


def optimal_logprobs(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"], *, beta: float
) -> Float[Tensor, "response"]:
    """log π*(y) = log ref(y) + r(y) / β - log Z (Rafailov et al. 2023, Eq. 4)."""
    partition = log_partition(reference, rewards, beta=beta)
    return reference + rewards / beta - partition


def kl_divergence(p: Float[Tensor, "response"], q: Float[Tensor, "response"]) -> Float[Tensor, ""]:
    """KL(p ‖ q) = Σ_y p(y) [log p(y) - log q(y)] of log-probs, in nats; 0 log 0 = 0."""
    require_floats("response", p=p, q=q)
    return (p.exp() * torch.where(p == -torch.inf, 0, p - q)).sum()


def total_variation(
    p: Float[Tensor, "response"], q: Float[Tensor, "response"]
) -> Float[Tensor, ""]:
    """TV(p, q) = ½ Σ_y |p(y) - q(y)|: the largest error in the probability of any event."""
    require_floats("response", p=p, q=q)
    return (p.exp() - q.exp()).abs().sum() / 2


def objective(
    policy: Float[Tensor, "response"],
    reference: Float[Tensor, "response"],
    rewards: Float[Tensor, "response"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """J(π) = E_π[r] - β KL(π ‖ ref), to be maximised."""
    require_not_negative(beta=beta)
    require_floats("response", policy=policy, rewards=rewards)
    return (policy.exp() * rewards).sum() - beta * kl_divergence(policy, reference)
