"""What is likely wrong with an answer that no known mistake gives."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor


def hint(function: Callable, inputs: dict, got: object, expected: object, tolerance: float) -> str:
    """A sentence on padding, on the sign or on a factor; empty where none of them explains it.

    The function is called twice more, once with other numbers at padding.
    """
    got, expected = (torch.as_tensor(x).double() for x in (got, expected))
    if got.shape != expected.shape or not got.isfinite().all():
        return ""
    if sees_padding(function, inputs, got, tolerance):
        return "The answer changes with what stands at padding: a mask is missing."
    if close(got, -expected, tolerance):
        return "The sign is turned round: this is minus what is expected."
    factor = (got * expected).sum() / expected.square().sum()
    told = got.numel() > 1 and factor != 0 and abs(factor - 1) > 0.01
    if told and close(got, factor * expected, tolerance):
        return f"Every number is {factor:.4g} times what is expected."
    return ""


def sees_padding(function: Callable, inputs: dict, got: Tensor, tolerance: float) -> bool:
    """Whether other numbers at padding, and they alone, change the answer."""
    mask = inputs.get("mask")
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        return False
    moved = {
        name: torch.where(mask, x, 2 * x + 1)
        for name, x in inputs.items()
        if isinstance(x, Tensor) and x.is_floating_point() and x.shape == mask.shape
    }
    try:
        same, answer = (
            torch.as_tensor(function(**copy.deepcopy(given))).double()
            for given in (inputs, inputs | moved)
        )
    except Exception:  # such an answer was told of before
        return False
    if not same.shape == answer.shape == got.shape or not close(same, got, tolerance):
        return False
    return not close(answer, got, tolerance)


def close(x: Tensor, y: Tensor, tolerance: float) -> bool:
    """Whether they are equal to within the exercise's tolerance."""
    return torch.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True)
