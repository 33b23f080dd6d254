"""Losses that came after DPO and change it: IPO, SimPO, KTO.

They change what a comparison, or a thumb, asks of the policy. Each loss is a scalar to minimise.
Losses raise ValueError where arrays are not of the annotated shapes, or are no floats, or empty.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.masked import mean_over_tokens
from rlhf_lab.preferences import bradley_terry_logprob
from rlhf_lab.settings import require_not_negative, require_positive
from rlhf_lab.shapes import require_bools, require_floats, require_tokens

Responses = Float[Tensor, "batch"]
Loss = Float[Tensor, ""]


def squared_margin_error(
    log_ratio_margin: Float[Tensor, "*item"], *, tau: float
) -> Float[Tensor, "*item"]:
    """(h - 1/(2τ))², where h = log π/ref (y_w) - log π/ref (y_l), in nats.

    Azar et al. 2023 (IPO), Eq. 17. Raises ValueError unless τ > 0.
    """
    require_positive(tau=tau)
    return (log_ratio_margin - 1 / (2 * tau)) ** 2


def ipo_loss(chosen_log_ratio: Responses, rejected_log_ratio: Responses, *, tau: float) -> Loss:
    """mean (h - 1/(2τ))²: a margin to be met, where DPO asks for ever more (IPO, Eq. 17).

    The arguments are log π(y|x) - log ref(y|x) of whole responses, without β; τ is what β is in
    DPO, the price of a nat of KL.
    """
    sides = {"chosen_log_ratio": chosen_log_ratio, "rejected_log_ratio": rejected_log_ratio}
    require_floats("batch", **sides)
    return squared_margin_error(chosen_log_ratio - rejected_log_ratio, tau=tau).mean()


def average_logprob_reward(
    logprobs: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"], *, beta: float
) -> Responses:
    """β/|y| Σ_t log π(y_t): SimPO's reward, which knows no reference (Meng et al. 2024, Eq. 4).

    Raises ValueError unless β > 0.
    """
    require_positive(beta=beta)
    require_tokens(mask, logprobs=logprobs)
    return beta * mean_over_tokens(logprobs, mask)


def simpo_loss(chosen_reward: Responses, rejected_reward: Responses, *, margin: float) -> Loss:
    """-mean log σ(r_w - r_l - γ) of `average_logprob_reward`, with the target margin γ ≥ 0.

    Meng et al. 2024 (SimPO), Eq. 6. Raises ValueError unless 0 ≤ γ < ∞.
    """
    require_not_negative(margin=margin)
    require_floats("batch", chosen_reward=chosen_reward, rejected_reward=rejected_reward)
    return -bradley_terry_logprob(chosen_reward - margin, rejected_reward).mean()


def thumb_value(
    reward: Float[Tensor, "*item"],
    reference_point: Float[Tensor, ""],
    thumb_up: Bool[Tensor, "*item"],
    *,
    desirable_weight: float,
    undesirable_weight: float,
) -> Float[Tensor, "*item"]:
    """v = λ_D σ(r̂ - z) of a thumb up, λ_U σ(z - r̂) of a thumb down, to be maximised.

    r̂ = β log(π/ref) is `losses.implicit_reward`; z = β KL(π ‖ ref) is what the policy's own
    responses have on average, a number without gradient. The paper writes β outside of r and z
    (Ethayarajh et al. 2024, KTO, Eq. 8). Raises ValueError unless both weights are above 0.
    """
    require_floats("*item", reward=reward)
    require_floats("", reference_point=reference_point)
    require_bools("*item", sizes=reward.shape, thumb_up=thumb_up)
    require_positive(desirable_weight=desirable_weight, undesirable_weight=undesirable_weight)
    gain = reward - reference_point.detach()
    good, bad = desirable_weight * gain.sigmoid(), undesirable_weight * (-gain).sigmoid()
    return torch.where(thumb_up, good, bad)


def kto_loss(
    reward: Responses,
    reference_point: Float[Tensor, ""],
    thumb_up: Bool[Tensor, "batch"],
    *,
    desirable_weight: float,
    undesirable_weight: float,
) -> Loss:
    """mean (λ_y - v) of `thumb_value`: no pairs, one thumb a response (KTO, Eq. 8).

    λ_y is the weight of the thumb's kind: a constant, so that the loss is never below 0.
    """
    require_floats("batch", reward=reward)
    require_floats("", reference_point=reference_point)
    require_bools("batch", sizes=reward.shape, thumb_up=thumb_up)
    weights = {"desirable_weight": desirable_weight, "undesirable_weight": undesirable_weight}
    most = torch.where(thumb_up, *(reward.new_tensor(weight) for weight in weights.values()))
    return (most - thumb_value(reward, reference_point, thumb_up, **weights)).mean()
