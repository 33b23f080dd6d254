"""Losses that came after GRPO and change it: RLOO, Dr. GRPO, DAPO, GSPO.

They change how a response is compared with its group, how its tokens are weighed, and what is
clipped. Each returns a scalar to minimise; none has a KL to the reference in it. Each raises
ValueError where its arrays are not of the annotated shapes, or are no floats, or empty.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.losses import clipped_surrogate, probability_ratio
from rlhf_lab.masked import masked_mean, mean_over_tokens, sum_over_tokens, zero_at_padding
from rlhf_lab.settings import require_count, require_positive
from rlhf_lab.shapes import fixed, require_floats, require_tokens

Tokens = Float[Tensor, "batch token"]
Mask = Bool[Tensor, "batch token"]
Responses = Float[Tensor, "batch"]
Loss = Float[Tensor, ""]


def rloo_loss(logprob: Responses, advantages: Responses) -> Loss:
    """-mean Â_i log π(y_i|x): REINFORCE on whole responses, without ratio and without clip.

    Â_i = R_i - mean of the other R_j (`advantages.leave_one_out_advantages`), where
    R = r - β log(π/ref) of the whole response holds the penalty. For responses that the policy as
    it is now has written. Ahmadian et al. 2024, the REINFORCE leave-one-out estimator.
    """
    require_floats("batch", logprob=logprob, **fixed(advantages=advantages))
    return -(advantages * logprob).mean()


def dr_grpo_loss(
    logprobs: Tokens,
    old_logprobs: Tokens,
    advantages: Tokens,
    mask: Mask,
    *,
    epsilon: float,
    longest: int,
) -> Loss:
    """-1/G Σ_i 1/C Σ_t clipped_surrogate_it, with one constant C = `longest` for all responses.

    GRPO divides by each response's own length instead. Give it
    `advantages.centred_outcome_advantages`: the std goes too. Liu et al. 2025 (Dr. GRPO), section
    3.2; the constant is from their code. Raises ValueError unless ε > 0 and C ≥ 1.
    """
    require_count(longest=longest)
    require_tokens(mask, **fixed(advantages=advantages))
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    surrogate = clipped_surrogate(ratio, advantages, epsilon)
    return -(sum_over_tokens(surrogate, mask) / longest).mean()


def asymmetric_surrogate(
    ratio: Float[Tensor, "*item"],
    advantages: Float[Tensor, "*item"],
    *,
    epsilon_low: float,
    epsilon_high: float,
) -> Float[Tensor, "*item"]:
    """min(ρ Â, clip(ρ, 1-ε_low, 1+ε_high) Â), to be maximised (Yu et al. 2025, DAPO, Eq. 10).

    A good token's gradient is cut above 1 + ε_high, a bad one's below 1 - ε_low; the paper takes
    0.28 and 0.2. Raises ValueError unless both are above 0.
    """
    require_positive(epsilon_low=epsilon_low, epsilon_high=epsilon_high)
    clipped = ratio.clamp(1 - epsilon_low, 1 + epsilon_high)
    return torch.minimum(ratio * advantages, clipped * advantages)


def dapo_loss(
    logprobs: Tokens,
    old_logprobs: Tokens,
    advantages: Tokens,
    mask: Mask,
    *,
    epsilon_low: float,
    epsilon_high: float,
) -> Loss:
    """-1/Σ|o_i| Σ_i Σ_t asymmetric_surrogate_it: each token of the batch counts alike.

    Yu et al. 2025 (DAPO), Eq. 8 and 12, where the sums run over one group; here over the batch.
    Groups whose rewards are all equal are left out before, see `informative_groups`. Raises
    ValueError unless both ε are above 0.
    """
    require_tokens(mask, **fixed(advantages=advantages))
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    limits = {"epsilon_low": epsilon_low, "epsilon_high": epsilon_high}
    return -masked_mean(asymmetric_surrogate(ratio, advantages, **limits), mask)


def informative_groups(rewards: Float[Tensor, "prompt group"]) -> Bool[Tensor, "prompt"]:
    """True where the rewards of a group differ: elsewhere every advantage is 0.

    DAPO draws prompts until its batch is full of such groups (Yu et al. 2025, Eq. 11).
    """
    require_floats("prompt group", rewards=rewards)
    return rewards.amax(dim=1) > rewards.amin(dim=1)


def sequence_ratio(logprobs: Tokens, old_logprobs: Tokens, mask: Mask) -> Responses:
    """s = (π(y|x) / π_old(y|x))^(1/|y|): the geometric mean of a response's token ratios.

    Zheng et al. 2025 (GSPO), Eq. 7.
    """
    require_tokens(mask, logprobs=logprobs, **fixed(old_logprobs=old_logprobs))
    return mean_over_tokens(zero_at_padding(logprobs - old_logprobs, mask), mask).exp()


def gspo_loss(
    logprobs: Tokens, old_logprobs: Tokens, advantages: Responses, mask: Mask, *, epsilon: float
) -> Loss:
    """-mean of clipped_surrogate(s_i, Â_i): one ratio a response, clipped as a whole.

    Zheng et al. 2025 (GSPO), Eq. 5; they take ε near 0.0003, since s is close to 1. Raises
    ValueError unless ε > 0.
    """
    ratio = sequence_ratio(logprobs, old_logprobs, mask)
    require_floats("batch", sizes=ratio.shape, **fixed(advantages=advantages))
    return -clipped_surrogate(ratio, advantages, epsilon).mean()
