"""Two formulas compared in random worlds: most wrong steps are refused here, with a point."""

from copy import copy
from functools import lru_cache

from sympy import Expr

from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC, NotEvaluableError, Number
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.interpretation import Interpretation, UndefinedError

TOLERANCE = ARITHMETIC.mpf(10) ** -25


class RefusedError(Exception):
    """A step does not hold. Where random worlds show it: one of them and the two values there."""

    def __init__(self, why: str, point: str = "", left: str = "", right: str = "") -> None:
        where = f"{why} at {point}" if point else why
        super().__init__(f"{where}: {left} and {right}" if left or right else where)
        self.point, self.left, self.right = point, left, right


def compare_in_worlds(left: Expr, right: Expr, given: Given, count: int) -> None:
    """Raise RefusedError unless both sides agree at `count` points where they are defined."""
    defined = 0
    for seed in range(3 * count):
        seen, value = looked_at(left, given, seed)
        world = another(seen)
        values = [value, value_or_none(world, right)]
        if None in values and values != [None, None]:
            raise refusal("one side is undefined", world, values)
        if None not in values:
            if abs(values[0] - values[1]) > TOLERANCE * (1 + abs(values[0]) + abs(values[1])):
                raise refusal("the two sides differ", world, values)
            defined += 1
        if defined == count:
            return
    raise RefusedError(
        f"could not be checked: defined at only {defined} of {3 * count} random points"
    )


@lru_cache(maxsize=1024)
def looked_at(left: Expr, given: Given, seed: int) -> tuple[Interpretation, Number | None]:
    """A random world in which the left side was looked at, and its value: not to be changed."""
    world = Interpretation(given, seed)
    return world, value_or_none(world, left)


def another(world: Interpretation) -> Interpretation:
    """The same world again: what is looked up in it from here on leaves the first one alone."""
    same = copy(world)
    same.random, same.known = copy(world.random), dict(world.known)
    return same


def value_or_none(world: Interpretation, expression: Expr) -> Number | None:
    """The value in a world; None where it is undefined. Raises RefusedError if unknown."""
    try:
        return world.value(expression)
    except UndefinedError:
        return None
    except NotEvaluableError as problem:
        raise RefusedError(f"could not be checked: {problem}") from None


def refusal(why: str, world: Interpretation, values: list) -> RefusedError:
    """The RefusedError that shows a world and the values of both sides there."""
    shown = ("undefined" if value is None else ARITHMETIC.nstr(value, 8) for value in values)
    return RefusedError(why, str(world), *shown)
