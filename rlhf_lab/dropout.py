"""Dropout off for a while: with it on, the probability ratio of a policy to itself is not 1."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in the mode of evaluation; afterwards each of its parts is as it was."""
    in_training = [part for part in model.modules() if part.training]
    model.eval()
    try:
        yield
    finally:
        for part in in_training:
            part.training = True
