"""What an array may be: each function raises ValueError that names the first that is not.

torch repeats what is missing along an axis: rewards (batch,) less rewards (batch, 1) are all
differences (batch, batch), and the mean of their loss is a number like any other. So one shape is
asked for. Only shapes and dtypes are read, no value: a GPU is not waited for.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def require_floats(axes: str, *, sizes: Sequence[int] | None = None, **arrays: object) -> None:
    """Every array must hold floats and have these axes, all of one shape, none of length 0.

    The shape is `sizes`, or that of the first array; with "*item" the axes may be any.

    >>> require_floats("batch", chosen=torch.zeros(3), rejected=torch.zeros(1))
    Traceback (most recent call last):
    ValueError: rejected must be floats of shape (batch,) = (3,), got torch.float32 of shape (1,); \
nothing is repeated along an axis or converted
    """
    for name, array in arrays.items():
        is_kind = isinstance(array, Tensor) and array.is_floating_point()
        _require(name, array, "floats", is_kind, axes, sizes)
        sizes = array.shape


def require_bools(axes: str, *, sizes: Sequence[int], **arrays: object) -> None:
    """Every array must be bool, with these axes and sizes."""
    for name, array in arrays.items():
        is_kind = isinstance(array, Tensor) and array.dtype == torch.bool
        _require(name, array, "bool", is_kind, axes, sizes)


def require_tokens(mask: object, **arrays: object) -> None:
    """Every array must hold floats of one shape (batch, token), and the mask be bool of that."""
    require_floats("batch token", **arrays)
    require_bools("batch token", sizes=next(iter(arrays.values())).shape, mask=mask)


def require_rankings(axes: str, **arrays: object) -> None:
    """Every array must hold floats and have these axes, the second of which has two or more."""
    require_floats(axes, **arrays)
    for name, array in arrays.items():
        if array.shape[1] < 2:
            raise ValueError(
                f"{name} must rank two responses or more along axis 1, got shape "
                f"{tuple(array.shape)}; one response alone makes no comparison"
            )


def require_ids(axes: str, *, sizes: Sequence[int], **arrays: object) -> None:
    """Every array must hold token ids, int64, with these axes and sizes."""
    for name, array in arrays.items():
        is_kind = isinstance(array, Tensor) and array.dtype == torch.long
        _require(name, array, "int64", is_kind, axes, sizes)


def fixed(**arrays: Tensor) -> dict[str, Tensor]:
    """The arrays, none of which may have a gradient where gradients are on; ValueError for one.

    With a gradient π_old moves with π: their ratio is 1 whatever is learnt, and has slope 0.
    """
    for name, array in arrays.items():
        if torch.is_grad_enabled() and getattr(array, "requires_grad", False):
            raise ValueError(f"{name} must be without gradient, got one of a graph; .detach() it")
    return arrays


def _require(name, array, kind, is_kind, axes, sizes) -> None:
    count = None if axes == "*item" else len(axes.split())
    is_shape = (
        is_kind
        and count in (None, array.dim())
        and (sizes is None or tuple(sizes) == tuple(array.shape))
    )
    if is_shape and array.numel() > 0:
        return
    wanted = f"{name} must be {kind}"
    if count is not None:
        wanted += f" of shape ({', '.join(axes.split())}{',' * (count == 1)})"
    if sizes is not None:
        wanted += f" = {tuple(sizes)}" if count is not None else f" of shape {tuple(sizes)}"
    if not isinstance(array, Tensor):
        raise ValueError(f"{wanted}, got {type(array).__name__}; torch.as_tensor makes a tensor")
    do = (
        "a batch may not be empty" if is_shape else "nothing is repeated along an axis or converted"
    )
    raise ValueError(f"{wanted}, got {array.dtype} of shape {tuple(array.shape)}; {do}")
