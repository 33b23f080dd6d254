"""The KL divergence between policies: exact, estimated, and held at a target.

All logarithms are natural, so that every KL is in nats. Of two policies' arrays each function
raises ValueError unless they are floats of one shape.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.settings import require_not_negative, require_positive
from rlhf_lab.shapes import require_floats


def exact_kl(
    policy_logits: Float[Tensor, "*item vocab"], reference_logits: Float[Tensor, "*item vocab"]
) -> Float[Tensor, "*item"]:
    """KL(π ‖ ref) = Σ_a π(a) [log π(a) - log ref(a)], summed over the whole vocabulary.

    A token of probability 0 (logit -∞) adds nothing: 0 log 0 = 0.
    """
    require_floats("*item", policy_logits=policy_logits, reference_logits=reference_logits)
    policy_logprobs = policy_logits.log_softmax(dim=-1)
    reference_logprobs = reference_logits.log_softmax(dim=-1)
    log_ratio = torch.where(policy_logits == -torch.inf, 0, policy_logprobs - reference_logprobs)
    return (policy_logprobs.exp() * log_ratio).sum(dim=-1)


def k1(
    policy_logprobs: Float[Tensor, "*item"], reference_logprobs: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """log π - log ref at samples of π: unbiased for KL(π ‖ ref), often negative.

    Differentiated on the policy's own samples its expected gradient is 0, not that of the KL:
    put it in the reward, never in the loss. Schulman, "Approximating KL divergence" (2020).
    """
    require_floats("*item", policy_logprobs=policy_logprobs, reference_logprobs=reference_logprobs)
    return policy_logprobs - reference_logprobs


def k2(
    policy_logprobs: Float[Tensor, "*item"], reference_logprobs: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """(log π - log ref)² / 2 at samples of π: biased as a value, right as a gradient.

    Differentiated on whole responses of the policy its expected gradient is that of KL(π ‖ ref).
    Summed over tokens it has that of each token's KL, at the prefixes that the policy writes.
    """
    return k1(policy_logprobs, reference_logprobs) ** 2 / 2


def k3(
    policy_logprobs: Float[Tensor, "*item"], reference_logprobs: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """ref/π - 1 - log(ref/π) at samples of π: unbiased for KL(π ‖ ref), never negative.

    Differentiated on whole responses of the policy its expected gradient is that of KL(ref ‖ π),
    the other direction; summed over tokens, as in GRPO, it has that of each token's, at the
    prefixes that the policy writes. Shao et al. 2024 (GRPO), Eq. 4.
    """
    require_floats("*item", policy_logprobs=policy_logprobs, reference_logprobs=reference_logprobs)
    log_ratio = reference_logprobs - policy_logprobs
    return log_ratio.expm1() - log_ratio


def adapted_kl_coef(
    beta: float, observed_kl: float, *, target_kl: float, gain: float = 0.1
) -> float:
    """β (1 + gain · clip(KL/target - 1, -0.2, 0.2)): a slow proportional controller.

    For the KL to the *reference*, which is part of the reward. Ziegler et al. 2019, section 2.2;
    their code's gain is batch size / horizon. Raises ValueError unless β ≥ 0, target_kl > 0,
    0 < gain < 5 and the observed KL is a finite number, 0 or above.
    """
    _check_kl(observed_kl, target_kl)
    require_not_negative(beta=beta)
    check_gain(gain)
    error = min(max(observed_kl / target_kl - 1, -0.2), 0.2)
    return beta * (1 + gain * error)


def doubled_or_halved(beta: float, observed_kl: float, *, target_kl: float) -> float:
    """2β above 1.5 · target, β/2 below target / 1.5, else β.

    For the KL to the *old policy*, which is part of the loss. Schulman et al. 2017, section 4.
    Raises ValueError unless target_kl > 0 and the observed KL is a finite number, 0 or above.
    """
    _check_kl(observed_kl, target_kl)
    if observed_kl > 1.5 * target_kl:
        return 2 * beta
    return beta / 2 if observed_kl < target_kl / 1.5 else beta


def check_gain(gain: float) -> None:
    """Raise ValueError unless 0 < gain < 5: from 5 on one low KL would turn β to 0 or below."""
    if not 0 < gain < 5:
        raise ValueError(
            f"the gain (batch size / horizon) must lie between 0 and 5, got {gain}; with 5 or more "
            "one step below the target would make β 0 or negative"
        )


def _check_kl(observed_kl: float, target_kl: float) -> None:
    require_positive(target_kl=target_kl)
    if not 0 <= observed_kl < float("inf"):
        raise ValueError(
            f"an observed KL must be finite and 0 or above, got {observed_kl}; k1 can average "
            "below 0, so observe exact_kl or k3"
        )
