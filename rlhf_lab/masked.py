"""Sums and means over real tokens: the only code that divides by a number of tokens.

Whatever stands at a padded position is ignored, NaN and infinity included. Every mask must
hold at least one token where a mean is taken; a mean over none is NaN. Of float16 and bfloat16 the
results are float32, in which sums of tokens have room. Each function raises
ValueError unless x holds floats and the mask is bool, both of one shape.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.shapes import require_tokens

EPSILON = 1e-8


def zero_at_padding(
    x: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, "batch token"]:
    """x at the real tokens, 0 at the pads: what is computed from it stays finite there.

    Needed *before* an exponential or a square: ∞ masked afterwards still gives a gradient of NaN.
    """
    require_tokens(mask, x=x)
    return torch.where(mask, x, 0).to(torch.promote_types(x.dtype, torch.float32))


def sum_over_tokens(
    x: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, "batch"]:
    """Σ_t x_t over the real tokens of each response."""
    return zero_at_padding(x, mask).sum(dim=1)


def mean_over_tokens(
    x: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, "batch"]:
    """1/|o_i| Σ_t x_it: each response's own mean, so that short and long ones count alike."""
    return sum_over_tokens(x, mask) / mask.sum(dim=1)


def masked_mean(
    x: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, ""]:
    """The mean over all real tokens of the batch, so that each token counts alike."""
    return sum_over_tokens(x, mask).sum() / mask.sum()


def whiten(
    x: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, "batch token"]:
    """(x - mean) / std over all real tokens; 0 at padding. For advantages.

    Where all are equal they give exactly 0. Errors as `scale_to_unit_variance`.
    """
    centred = zero_at_padding(x - masked_mean(x, mask), mask)
    least, most = torch.where(mask, x, torch.inf).amin(), torch.where(mask, x, -torch.inf).amax()
    return scale_to_unit_variance(torch.where(least == most, 0, centred), mask)


def scale_to_unit_variance(
    x: Float[Tensor, "batch token"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, "batch token"]:
    """x / std over all real tokens, the mean kept; 0 at padding. For rewards.

    std² = Σ (x - mean)² / (n - 1) + 1e-8: unbiased, and the last term (not in the papers, from
    OpenAI's 2019 code) keeps a constant x finite. One token alone has no std: of one beside pads
    the result is NaN, and x of a single number raises ValueError.
    """
    squares = (x - masked_mean(x, mask)) ** 2
    if x.numel() == 1:
        raise ValueError(
            "one token alone has no standard deviation; take more tokens, as a larger batch_size, "
            "or do not scale: PPOConfig(normalise=rlhf_lab.masked.zero_at_padding)"
        )
    variance = sum_over_tokens(squares, mask).sum() / (mask.sum() - 1)
    return zero_at_padding(x, mask) * torch.rsqrt(variance + EPSILON)
