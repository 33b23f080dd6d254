"""Mistakes in the loss of GRPO."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Tokens, Mask, Scalar = Float[Tensor, "batch token"], Bool[Tensor, "batch token"], Float[Tensor, ""]


def _terms(logprobs, old, reference, advantages, epsilon):
    ratio, gap = (logprobs - old).exp(), reference - logprobs
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
    return torch.minimum(ratio * advantages, clipped * advantages), gap.expm1() - gap


def _by_response(x: Tensor, mask: Tensor) -> Tensor:
    return ((x * mask).sum(dim=1) / mask.sum(dim=1)).mean()


def kl_maximised(
    logprobs: Tokens, old_logprobs: Tokens, reference_logprobs: Tokens, advantages: Tokens,
    mask: Mask, *, epsilon: float, beta: float,
) -> Scalar:  # fmt: skip
    """The KL is added to what is maximised: the policy is paid for leaving the reference."""
    gain, kl = _terms(logprobs, old_logprobs, reference_logprobs, advantages, epsilon)
    return -_by_response(gain + beta * kl, mask)


def mean_over_all_tokens(
    logprobs: Tokens, old_logprobs: Tokens, reference_logprobs: Tokens, advantages: Tokens,
    mask: Mask, *, epsilon: float, beta: float,
) -> Scalar:  # fmt: skip
    """One mean over all tokens: DAPO's objective, in which long responses weigh more."""
    gain, kl = _terms(logprobs, old_logprobs, reference_logprobs, advantages, epsilon)
    return -((gain - beta * kl) * mask).sum() / mask.sum()


def k1_as_a_loss(
    logprobs: Tokens, old_logprobs: Tokens, reference_logprobs: Tokens, advantages: Tokens,
    mask: Mask, *, epsilon: float, beta: float,
) -> Scalar:  # fmt: skip
    """The log-ratio itself is in the loss: where lengths are alike its expected gradient is 0."""
    gain, _ = _terms(logprobs, old_logprobs, reference_logprobs, advantages, epsilon)
    return -_by_response(gain - beta * (logprobs - reference_logprobs), mask)


def kl_to_the_old_policy(
    logprobs: Tokens, old_logprobs: Tokens, reference_logprobs: Tokens, advantages: Tokens,
    mask: Mask, *, epsilon: float, beta: float,
) -> Scalar:  # fmt: skip
    """The KL is taken to the old policy instead of the reference."""
    gain, kl = _terms(logprobs, old_logprobs, old_logprobs, advantages, epsilon)
    return -_by_response(gain - beta * kl, mask)


LOSS = (
    Bug(function=kl_maximised, looks="The KL runs away from the first step on."),
    Bug(
        function=mean_over_all_tokens,
        looks="Another objective, not a crash: texts grow longer or shorter than with the paper's.",
        seen=("huggingface/trl#3187", "huggingface/trl#3256"),
    ),
    Bug(
        function=k1_as_a_loss,
        looks="As β = 0 with extra noise: the KL grows, though its coefficient is raised. Where "
        "lengths differ, its mean over each response holds nothing either and lengthens responses.",
    ),
    Bug(
        function=kl_to_the_old_policy,
        looks="With one update a batch as β = 0; with more, small steps that still drift off.",
    ),
)
