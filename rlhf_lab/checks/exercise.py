"""An exercise, and the check of a function against it.

A check calls the function on fresh random inputs and compares with an answer that is computed in
another way: by loops over single numbers, by a sum over all outcomes, or by a law. Of a loss the
gradient is compared too.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rlhf_lab.checks.differences import difference, is_of_numbers, same_inputs
from rlhf_lab.checks.gradients import gradient
from rlhf_lab.checks.hints import close, hint
from rlhf_lab.museum.bug import Bug

KNOWN, GUESS = "This is exactly what a known mistake gives.", "Most likely:"


class CheckFailedError(AssertionError):
    """The function is not right yet; the message says where and, if it is known, why."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What is asked, how to make an input, what the answer is, and the mistakes that are known."""

    name: str
    asks: str
    inputs: Callable[[torch.Generator], dict]
    truth: Callable[..., object] | None = None  # the answer, computed in another way
    law: Callable[..., str] | None = None  # or what is wrong with an answer; "" for nothing
    bugs: tuple[Bug, ...] = ()
    replaces: str = ""  # the package's function of the same signature, "losses.dpo_loss"
    gradient_in: str = ""  # the argument in which the answer's gradient must be right too
    tolerance: float = 1e-5
    cases: int = 5  # random inputs a check


def check(
    exercise: Exercise, function: Callable, *, seed: int = 0, differentiated: Callable = gradient
) -> str:
    """Say that the function is right, or raise CheckFailedError with what is wrong.

    Another seed gives other inputs: give each student one of their own. `differentiated` makes the
    gradient of the function in an argument; a function in another process needs one of its own.
    """
    generator = torch.Generator().manual_seed(seed)
    for number in range(1, exercise.cases + 1):
        inputs = exercise.inputs(generator)
        given = copied(inputs)
        try:
            got = function(**given)
        except Exception as error:
            raise CheckFailedError(
                f"{exercise.name}: case {number} of {exercise.cases} stopped with "
                f"{type(error).__name__}: {error}\n{shown(inputs)}"
            ) from error
        if not same_inputs(inputs, given):
            problem = f"{exercise.name}: an argument was changed in place; work on a copy"
            raise CheckFailedError(f"{problem}\n{shown(inputs)}")
        if problem := problem_of(exercise, inputs, given, got):
            raise CheckFailedError(
                f"{exercise.name}: case {number} of {exercise.cases}: {problem}\n{shown(inputs)}"
                f"{answers(exercise, inputs, got)}{cause(exercise, function, inputs, got, problem)}"
            )
    if exercise.gradient_in:
        check(slope(exercise), differentiated(function, exercise.gradient_in), seed=seed)
    return f"{exercise.name}: right on {exercise.cases} random inputs"


def slope(exercise: Exercise) -> Exercise:
    """The exercise whose answer is the gradient of this one's answer."""
    argument = exercise.gradient_in
    settings = {"truth": gradient(exercise.truth, argument), "bugs": (), "gradient_in": ""}
    return replace(exercise, name=f"{exercise.name}: its gradient in {argument}", **settings)


def problem_of(exercise: Exercise, inputs: dict, given: dict, got: object) -> str:
    """In words, what is wrong with the answer; only a law sees what the function had in hand."""
    if exercise.law is not None:
        return exercise.law(got=got, **given)
    return difference(got, exercise.truth(**copied(inputs)), exercise.tolerance)


def answers(exercise: Exercise, inputs: dict, got: object) -> str:
    """The expected answer and the one that came; nothing where a law is asked for."""
    if exercise.truth is None:
        return ""
    return f"\n  expected: {text(exercise.truth(**copied(inputs)))}\n  got:      {text(got)}"


def cause(exercise: Exercise, function: Callable, inputs: dict, got: object, problem: str) -> str:
    """The known mistakes that give exactly this answer, or break the same law; else a guess."""
    known = [bug for bug in exercise.bugs if gives(bug, exercise, copied(inputs), got, problem)]
    if known:
        return "".join(f"\n{KNOWN} {bug.name}: {bug.says}" for bug in known)
    if exercise.truth is None or not is_of_numbers(got):
        return ""
    guess = hint(
        function, copied(inputs), got, exercise.truth(**copied(inputs)), exercise.tolerance
    )
    return guess and f"\n{GUESS} {guess}"


def gives(bug: Bug, exercise: Exercise, given: dict, got: object, problem: str) -> bool:
    """True where the altered function answers as the student's did."""
    try:
        its_own = bug.function(**given)
        if exercise.law is not None:
            return exercise.law(got=its_own, **given) == problem
        if torch.as_tensor(got).shape != torch.as_tensor(its_own).shape:
            return False
    except Exception:  # an exhibit may not be made for this input
        return False
    return close(*(torch.as_tensor(x).double() for x in (got, its_own)), exercise.tolerance)


def copied(inputs: dict) -> dict:
    """The same inputs, so that nobody's changes reach another."""
    return {name: copy.deepcopy(x) for name, x in inputs.items()}


def shown(inputs: dict) -> str:
    """The inputs, one a line."""
    return "\n".join(f"  {name} = {text(value)}" for name, value in inputs.items())


def text(value: object) -> str:
    """A value as a reader can copy it; long ones shortened."""
    if isinstance(value, Tensor):
        value = value.tolist() if value.numel() <= 64 else f"a tensor of shape {tuple(value.shape)}"
    return str(_rounded(value))


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, list):
        return [_rounded(x) for x in value]
    return value
