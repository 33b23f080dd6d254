"""The gradient of a function in one of its arguments, as a function of the same arguments.

It imports torch alone: where a notebook is graded, without the package, this file is there too.
"""

from collections.abc import Callable

import torch

CUT = "it is cut off by `.item()`, `.tolist()`, `.numpy()`, `.detach()` and `torch.tensor(...)`"


class NoGradientError(Exception):
    """Autograd finds no way from the answer back to the argument."""


def gradient(function: Callable, argument: str) -> Callable:
    """∂ Σ function(...) / ∂ argument. The function made raises NoGradientError where none is."""

    def of_the_sum(**given: object) -> torch.Tensor:
        x = given[argument].clone().requires_grad_()
        answer = function(**given | {argument: x})
        if not (isinstance(answer, torch.Tensor) and answer.requires_grad):
            raise NoGradientError(f"has no gradient: {CUT}")
        return torch.autograd.grad(answer.sum(), x, materialize_grads=True)[0]

    return of_the_sum
