"""Attention over keys and values that are given: what each token may see, and the mixture."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

Heads = Float[Tensor, "batch_head position head_width"]
All = Float[Tensor, "batch_head context head_width"]
Bias = Float[Tensor, "batch_head position context"]


def mixed(query: Heads, keys: All, values: All, bias: Bias, *, scale: float) -> Heads:
    """softmax(scale · Q Kᵀ + bias) V, with scale = 1/√d (Vaswani et al. 2017, Eq. 1).

    On a GPU in one kernel, since to start one takes longer than to run it on texts of this length.
    """
    return (in_one_kernel if query.is_cuda else written_out)(query, keys, values, bias, scale=scale)


def written_out(query: Heads, keys: All, values: All, bias: Bias, *, scale: float) -> Heads:
    """As the equation, which is faster on a CPU than a kernel that saves memory."""
    scores = torch.baddbmm(bias, query, keys.mT, alpha=scale)
    return torch.bmm(scores.softmax(dim=-1), values)


def in_one_kernel(query: Heads, keys: All, values: All, bias: Bias, *, scale: float) -> Heads:
    """The same by torch's kernel: each head is a batch's only one."""
    one = (x[:, None] for x in (query, keys, values))
    return scaled_dot_product_attention(*one, attn_mask=bias[:, None], scale=scale)[:, 0]


def computed_in(weight: Float[Tensor, "*item"]) -> torch.dtype:
    """What products with this weight are computed in: its own dtype, or that of autocast."""
    device = weight.device.type
    own = not torch.is_autocast_enabled(device)
    return weight.dtype if own else torch.get_autocast_dtype(device)


def attention_bias(
    mask: Bool[Tensor, "batch context"], length: int, dtype: torch.dtype
) -> Float[Tensor, "batch length context"]:
    """0 where one of the last `length` tokens looks: at real tokens not later than itself.

    Elsewhere half the lowest number of the dtype, also where rounded to fewer bits. It is not -∞:
    a pad before the text sees nothing, and its softmax would be NaN.
    """
    context = mask.shape[1]
    column = torch.arange(context, device=mask.device)
    allowed = mask[:, None] & (column <= column[context - length :, None])
    bias = torch.zeros(allowed.shape, dtype=dtype, device=mask.device)
    return bias.masked_fill(~allowed, torch.finfo(dtype).min / 2)
