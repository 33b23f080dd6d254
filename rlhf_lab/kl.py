"""The KL divergence between policies: exact, estimated, and held at a target.

All logarithms are natural, so that every KL is in nats.
"""

from jaxtyping import Float
from torch import Tensor


def exact_kl(
    policy_logits: Float[Tensor, "*item vocab"], reference_logits: Float[Tensor, "*item vocab"]
) -> Float[Tensor, "*item"]:
    """KL(π ‖ ref) = Σ_a π(a) [log π(a) - log ref(a)], summed over the whole vocabulary."""
    policy_logprobs = policy_logits.log_softmax(dim=-1)
    reference_logprobs = reference_logits.log_softmax(dim=-1)
    return (policy_logprobs.exp() * (policy_logprobs - reference_logprobs)).sum(dim=-1)


def k1(
    policy_logprobs: Float[Tensor, "*item"], reference_logprobs: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """log π - log ref at samples of π: unbiased for KL(π ‖ ref), often negative.

    Differentiated on the policy's own samples its expected gradient is 0, not that of the KL:
    put it in the reward, never in the loss. Schulman, "Approximating KL divergence" (2020).
    """
    return policy_logprobs - reference_logprobs


def k2(
    policy_logprobs: Float[Tensor, "*item"], reference_logprobs: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """(log π - log ref)² / 2 at samples of π: biased as a value, right as a gradient.

    Differentiated on the policy's own samples its expected gradient is that of KL(π ‖ ref).
    """
    return k1(policy_logprobs, reference_logprobs) ** 2 / 2


def k3(
    policy_logprobs: Float[Tensor, "*item"], reference_logprobs: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """ref/π - 1 - log(ref/π) at samples of π: unbiased for KL(π ‖ ref), never negative.

    Differentiated on the policy's own samples its expected gradient is that of KL(ref ‖ π),
    the other direction. Shao et al. 2024 (GRPO), Eq. 4.
    """
    log_ratio = reference_logprobs - policy_logprobs
    return log_ratio.expm1() - log_ratio


def adapted_kl_coef(
    beta: float, observed_kl: float, *, target_kl: float, gain: float = 0.1
) -> float:
    """β (1 + gain · clip(KL/target - 1, -0.2, 0.2)): a slow proportional controller.

    For the KL to the *reference*, which is part of the reward. Ziegler et al. 2019, section 2.2;
    their code's gain is batch size / horizon. Raises ValueError unless target_kl > 0.
    """
    _check_target(target_kl)
    error = min(max(observed_kl / target_kl - 1, -0.2), 0.2)
    return beta * (1 + gain * error)


def doubled_or_halved(beta: float, observed_kl: float, *, target_kl: float) -> float:
    """2β above 1.5 · target, β/2 below target / 1.5, else β.

    For the KL to the *old policy*, which is part of the loss. Schulman et al. 2017, section 4.
    Raises ValueError unless target_kl > 0.
    """
    _check_target(target_kl)
    if observed_kl > 1.5 * target_kl:
        return 2 * beta
    return beta / 2 if observed_kl < target_kl / 1.5 else beta


def _check_target(target_kl: float) -> None:
    if not target_kl > 0:
        raise ValueError(f"target_kl must be above 0 nats, got {target_kl}")
