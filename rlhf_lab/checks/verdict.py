"""What a check says, for a page that goes on whatever it says: `print(verdict("gae", my_gae))`."""

import textwrap
from collections.abc import Callable

import torch
from torch import Tensor, nn

from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.checks.exercise import CheckFailedError, Exercise, check, copied

WIDTH = 72  # of a page's column


def verdict(name: str, function: Callable, *, seed: int = 0) -> str:
    """The words of `check`, right or not; of a function that returns nothing yet, what is asked.

    Raises ValueError for an exercise that is not there.
    """
    if name not in exercises:
        raise ValueError(f"no exercise is called {name!r}; there are {', '.join(exercises)}")
    exercise = exercises[name]
    inputs = exercise.inputs(torch.Generator().manual_seed(seed))
    if is_to_do(function, inputs):
        return asked(exercise, inputs)
    try:
        return check(exercise, function, seed=seed)
    except CheckFailedError as refusal:
        return str(refusal)


def is_to_do(function: Callable, inputs: dict) -> bool:
    """True for a function that takes the arguments and gives nothing back."""
    try:
        return function(**copied(inputs)) is None
    except Exception:  # the check says what is wrong with it
        return False


def asked(exercise: Exercise, inputs: dict) -> str:
    """What is asked for, and what the arguments are, one a line."""
    words = f"{exercise.name}: to do. Return {exercise.asks}."
    words = textwrap.fill(words, WIDTH, break_on_hyphens=False)
    return words + "".join(f"\n  {name}: {kind(value)}" for name, value in inputs.items())


def kind(value: object) -> str:
    """An argument in words: what it is, and its shape."""
    if isinstance(value, Tensor):
        names = {torch.bool: "true and false", torch.long: "whole numbers"}
        return f"{names.get(value.dtype, 'numbers')}, shape {tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return "a model"
    return f"a list of {len(value)} numbers" if isinstance(value, list) else f"such as {value:.3g}"
