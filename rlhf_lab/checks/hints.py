"""What is likely wrong with an answer that no known mistake gives."""

from collections.abc import Callable

import torch
from torch import Tensor


def hint(function: Callable, inputs: dict, got: object, expected: object, tolerance: float) -> str:
    """A sentence on padding, on the sign or on a factor; empty where none of them explains it.

    The function is called once more, with other numbers at padding.
    """
    got, expected = (torch.as_tensor(x).double() for x in (got, expected))
    if got.shape != expected.shape:
        return ""
    if sees_padding(function, inputs, got, tolerance):
        return "The answer changes with what stands at padding: a mask is missing."
    if close(got, -expected, tolerance):
        return "The sign is turned round: this is minus what is expected."
    factor = got.abs().sum() / expected.abs().sum()
    if got.numel() > 1 and abs(factor - 1) > 0.01 and close(got, factor * expected, tolerance):
        return f"Every number is {factor:.4g} times what is expected."
    return ""


def sees_padding(function: Callable, inputs: dict, got: Tensor, tolerance: float) -> bool:
    """Whether the answer is another one where the numbers at padding are others."""
    mask = inputs.get("mask")
    if mask is None:
        return False
    moved = {
        name: torch.where(mask, x, 2 * x + 1)
        for name, x in inputs.items()
        if isinstance(x, Tensor) and x.is_floating_point() and x.shape == mask.shape
    }
    try:
        answer = torch.as_tensor(function(**inputs | moved)).double()
    except Exception:  # what stops it was told before
        return False
    return answer.shape == got.shape and not close(answer, got, tolerance)


def close(x: Tensor, y: Tensor, tolerance: float) -> bool:
    """Whether they are equal to within the exercise's tolerance."""
    return torch.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True)
