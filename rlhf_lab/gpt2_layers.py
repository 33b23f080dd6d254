"""Linear maps and norms of GPT-2 on the weights of transformers, as this device computes them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from rlhf_lab import precision

Hidden = Float[Tensor, "batch position width"]
THIN, LARGE = range(16, 65), 2**18  # rows, weights
FEW = 256  # rows, for the head on a GPU


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
    much is lost: of weights that are turned autocast keeps no rounded copy. A GPU gains as well,
    but not where a compiler joins what follows to rows that lie as they came.
    """
    if torch.compiler.is_compiling():
        return False
    thin = rows.device.type in ("cpu", "cuda") and len(rows) in THIN and weight.numel() >= LARGE
    onednn = rows.device.type == "cpu" and precision.is_onednn()
    return thin and not (onednn or precision.is_bfloat16())


def computed_in(weight: Tensor) -> torch.dtype:
    """What products with this weight are computed in: its dtype, or autocast's, save of float64."""
    device = weight.device.type
    own = weight.dtype == torch.float64 or not torch.is_autocast_enabled(device)
    return weight.dtype if own else torch.get_autocast_dtype(device)


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
