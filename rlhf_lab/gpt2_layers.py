"""The parts of a layer of GPT-2 on the weights of transformers: norm, linear map, attention."""

from contextlib import nullcontext

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from rlhf_lab import precision
from rlhf_lab.key_value_cache import All, Heads, Parts

Hidden = Float[Tensor, "batch position width"]
THIN, LARGE = range(16, 65), 2**18  # rows, weights
FEW = 256  # rows, for the head on a GPU


def projections(x: Hidden, weights: nn.Module) -> Parts:
    """Q, K and V of each head: x W + b, cut in three, and each in heads."""
    batch, length, width = x.shape
    heads = weights.num_heads
    parts = linear(x, weights.c_attn).view(batch, length, 3, heads, width // heads)
    return parts.permute(2, 0, 3, 1, 4).flatten(1, 2)


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
    """
    of_a_view, scale = query.shape[1] == 1, weights.head_dim**-0.5
    parts = query, keys, values, bias
    if of_a_view and query.is_cuda and query.dtype == torch.bfloat16:
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


def linear(x: Hidden, layer: nn.Module) -> Float[Tensor, "batch position output"]:
    """x W + b. Of a thin x it is (Wᵀ xᵀ + b)ᵀ."""
    rows, weight = x.flatten(0, 1), layer.weight
    if is_thin(rows, weight):
        found = torch.addmm(layer.bias[:, None], weight.mT, rows.mT).mT
    else:
        found = torch.addmm(layer.bias, rows, weight)
    return found.unflatten(0, x.shape[:2])


def head(x: Hidden, layer: nn.Linear) -> Float[Tensor, "batch position vocab"]:
    """Logits x Wᵀ, W a row a word. Of a thin x they are (W xᵀ)ᵀ."""
    rows = x.flatten(0, 1)
    if is_thin(rows, layer.weight) or (rows.is_cuda and len(rows) <= FEW):
        return (layer.weight @ rows.mT).mT.unflatten(0, x.shape[:2])
    return layer(x)


def is_thin(rows: Float[Tensor, "row width"], weight: Tensor) -> bool:
    """Whether the weights should come first: the threads of a CPU then share them, not the rows.

    Written so GPT-2-small samples faster on two threads of a CPU with MKL, torch's usual kernels;
    with one thread, fewer rows, fewer weights or the kernels of oneDNN nothing is won. In bfloat16
    much is lost: of weights that are turned autocast keeps no rounded copy. A GPU gains as well.
    """
    thin = rows.device.type in ("cpu", "cuda") and len(rows) in THIN and weight.numel() >= LARGE
    onednn = rows.device.type == "cpu" and precision.is_onednn()
    return thin and not (onednn or precision.is_bfloat16())


def computed_in(weight: Tensor) -> torch.dtype:
    """What products with this weight are computed in: its dtype, or autocast's, save of float64."""
    device = weight.device.type
    own = weight.dtype == torch.float64 or not torch.is_autocast_enabled(device)
    return weight.dtype if own else torch.get_autocast_dtype(device)


def of_columns(
    x: Float[Tensor, "row position size"], columns: int | Int[Tensor, "batch"]
) -> Float[Tensor, "row kept size"]:
    """The columns from a number on; or in each text the one that is named, for all its heads."""
    if isinstance(columns, int):
        return x[:, columns:]
    named = columns.repeat_interleave(len(x) // len(columns))
    return x[torch.arange(len(x), device=x.device), named][:, None]


def norm(x: Hidden, layer: nn.Module) -> Hidden:
    """(x - mean) / std · g + b, over the width."""
    return layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


def check_layers(part: nn.Module, known: tuple[str, ...]) -> None:
    """Raise ValueError for a layer with weights of another kind, whose own forward would not run.

    Adapters as LoRA's, quantised and parametrised layers show the weights that they change.
    """
    for name, layer in part.named_modules():
        kind = f"{type(layer).__module__.partition('.')[0]}.{type(layer).__name__}"
        if hasattr(layer, "weight") and kind not in known:
            raise ValueError(
                f"this GPT-2 reads the weights of {' and '.join(known)} alone, got {kind} at "
                f"{name or 'its head'}; merge adapters into the weights, or keep the model as it is"
            )
        if layer._forward_hooks or layer._forward_pre_hooks:
            raise ValueError(
                f"this GPT-2 does not call its layers, so a hook at {name or 'its head'} would "
                "never run; remove it, or keep the model as it is"
            )
