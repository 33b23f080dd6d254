"""Every objective of the book, one function each. Each returns a scalar to minimise."""

from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.masked import masked_mean
from rlhf_lab.preferences import bradley_terry_logprob


def next_token_loss(
    logprobs: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, ""]:
    """-mean log π(token): the loss of pretraining and of supervised fine-tuning, nats a token."""
    return -masked_mean(logprobs, mask)


def implicit_reward(
    policy_logprob: Float[Tensor, "batch"],
    reference_logprob: Float[Tensor, "batch"],
    *,
    beta: float,
) -> Float[Tensor, "batch"]:
    """r̂(x, y) = β [log π(y|x) - log ref(y|x)], of whole responses: sums, not means, over tokens.

    The reward for which π is optimal, up to a term in x alone (Rafailov et al. 2023, Eq. 5).
    Raises ValueError unless β > 0.
    """
    check_beta(beta)
    return beta * (policy_logprob - reference_logprob)


def dpo_loss(
    chosen_reward: Float[Tensor, "batch"], rejected_reward: Float[Tensor, "batch"]
) -> Float[Tensor, ""]:
    """-mean log σ(r̂_chosen - r̂_rejected) of the implicit rewards (Rafailov et al. 2023, Eq. 7)."""
    return -bradley_terry_logprob(chosen_reward, rejected_reward).mean()


def check_beta(beta: float) -> None:
    """Raise ValueError unless 0 < β < ∞."""
    if not 0 < beta < float("inf"):
        raise ValueError(f"beta must be a finite number above 0, got {beta}")
