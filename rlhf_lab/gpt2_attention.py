"""A layer of GPT-2 on the weights of transformers: Q, K and V, attention, and what follows it."""

from contextlib import nullcontext

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from rlhf_lab import precision
from rlhf_lab.gpt2_layers import Hidden, linear, norm
from rlhf_lab.key_value_cache import All, Heads, Parts


def projections(x: Hidden, weights: nn.Module) -> Parts:
    """Q, K and V of each head: x W + b, cut in three, and each in heads."""
    batch, length, width = x.shape
    heads = weights.num_heads
    parts = linear(x, weights.c_attn).view(batch, length, 3, heads, width // heads)
    return parts.permute(2, 0, 3, 1, 4).flatten(1, 2)


def rest_of_layer(
    x: Hidden,
    query: Heads,
    keys: All,
    values: All,
    bias: Float[Tensor, "row_head position context"],
    block: nn.Module,
) -> Hidden:
    """h = x + Attention, whose Q, K and V are given; then h + MLP(LN(h))."""
    x = x + attention(query, keys, values, bias, block.attn)
    inner = gelu(linear(norm(x, block.ln_2), block.mlp.c_fc), approximate="tanh")
    return x + linear(inner, block.mlp.c_proj)


def attention(
    query: Heads,
    keys: All,
    values: All,
    bias: Float[Tensor, "row_head position context"],
    weights: nn.Module,
) -> Hidden:
    """softmax(Q Kᵀ / √d + bias) V in each head, and W of all (Vaswani et al. 2017, Eq. 1).

    Written out, which is faster for texts of this length than a kernel that saves memory; except
    for one token in bfloat16 on a GPU. While sampling, keys and values are views of what the cache
    holds; for "medium" precision a CPU has a kernel (oneDNN) that would copy them for each token.
    Where one token is compiled, sums of products need no kernel that others cannot be joined with.
    """
    of_a_view, scale = query.shape[1] == 1, weights.head_dim**-0.5
    parts = query, keys, values, bias
    if of_a_view and torch.compiler.is_compiling():
        scores = (query * keys).sum(dim=-1) * scale + bias[:, 0]
        summed = (scores.softmax(dim=-1)[..., None] * values).sum(dim=1)
        mixed = summed.unflatten(0, (-1, weights.num_heads))[:, :, None]
    elif of_a_view and query.is_cuda and query.dtype == torch.bfloat16:
        query, keys, values, bias = (x.unflatten(0, (-1, weights.num_heads)) for x in parts)
        mixed = scaled_dot_product_attention(query, keys, values, attn_mask=bias, scale=scale)
    else:
        with precision.highest() if of_a_view and not query.is_cuda else nullcontext():
            scores = torch.baddbmm(bias, query, keys.mT, alpha=scale)
            mixed = torch.bmm(scores.softmax(dim=-1), values).unflatten(0, (-1, weights.num_heads))
    return linear(mixed.transpose(1, 2).flatten(2), weights.c_proj)


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


def of_columns(
    x: Float[Tensor, "row position size"], columns: int | Int[Tensor, "batch"]
) -> Float[Tensor, "row kept size"]:
    """The columns from a number on; or in each text the one that is named, for all its heads."""
    if isinstance(columns, int):
        return x[:, columns:]
    named = columns.repeat_interleave(len(x) // len(columns))
    return x[torch.arange(len(x), device=x.device), named][:, None]
