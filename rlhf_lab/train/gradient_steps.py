"""The two halves of a gradient step: the norm, looked at and clipped, and the change of weights."""

import math

import torch
from torch import nn


def require_finite(name: str, value: float, step: int) -> None:
    """Raise FloatingPointError for NaN or infinity."""
    if not math.isfinite(value):
        raise FloatingPointError(f"the {name} is {value} at step {step}; this update was not made")


def clipped_norm(
    optimizer: torch.optim.Optimizer, *, step: int, max_grad_norm: float, whose: str = ""
) -> float:
    """The norm of the gradients that are there, which are scaled down where it is above the most.

    Returns it unclipped. Raises FloatingPointError where it is not finite, for the model `whose`.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, max_grad_norm).item()
    require_finite(f"{whose}gradient's norm", norm, step)
    return norm


def move(optimizer: torch.optim.Optimizer, *, learning_rate: float) -> None:
    """Change the weights along the gradients that are there, and let go of these."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    optimizer.zero_grad()
