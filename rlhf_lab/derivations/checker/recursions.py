"""Recursions: what a function is at one place, given what it is at others. They are definitions."""

from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Basic, Eq, Expr, Product, Sum, Symbol
from sympy.core.function import AppliedUndef, UndefinedFunction

from rlhf_lab.derivations.checker import signs
from rlhf_lab.derivations.checker.checking import RefusedError
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.lines import Chain


@dataclass(frozen=True)
class Recursion:
    """f(n + 1) = formula in f(n): a definition, used by `substitute` as a lemma is.

    It holds for every value of the letters on its left side, but for those that are `fixed`: that
    f is 0 at the last place, n, says nothing of its other places.
    """

    name: str
    equation: Eq
    given: Given
    fixed: tuple[Symbol, ...] = ()
    is_definition = True

    def __post_init__(self) -> None:
        left, right = self.equation.lhs, unfolded(self.equation.rhs, self.given)
        if not isinstance(left, AppliedUndef):
            raise ValueError(f"{self.name}: a recursion defines a function, got {left}")
        if not distinct(left, self.fixed):
            raise ValueError(
                f"{self.name}: {left} may be one place for two values of its letters; each "
                "argument has one letter, and numbers: n, 2 n or n + 1"
            )
        if not signs.fits(left, right):
            raise ValueError(f"{self.name}: {left} is declared to be what {right} need not be")
        if not ways(left, right):
            raise ValueError(f"{self.name}: {left} is not given by other places on one side of it")


@dataclass(frozen=True)
class Turned:
    """A lemma or a definition "left = right", to be used from right to left."""

    lemma: Chain | Recursion

    @property
    def name(self) -> str:
        """The lemma's name."""
        return self.lemma.name

    @property
    def lines(self) -> tuple:
        """The lemma's lines; none of a definition."""
        return getattr(self.lemma, "lines", ())

    @property
    def is_definition(self) -> bool:
        """Whether nothing had to be proved."""
        return isinstance(self.lemma, Recursion)

    @property
    def given(self) -> Given:
        """The lemma's ground."""
        return self.lemma.given

    @property
    def equation(self) -> Eq:
        """right = left."""
        left, right = self.lemma.equation.args
        return Eq(right, left, evaluate=False)


def distinct(left: Expr, fixed: tuple[Symbol, ...]) -> bool:
    """Whether other values of its letters are another place: f(n²) = n would say that 1 = -1."""
    free = (part for part in left.args if part.free_symbols - set(fixed))
    return all(isinstance(part.as_coeff_Add()[1].as_coeff_Mul()[1], Symbol) for part in free)


def ways(left: Expr, right: Basic) -> set[tuple[int, int]]:
    """(i, 1): argument i is lower, by a whole number, wherever the function stands on the right.

    (i, -1): it is higher everywhere, in a recursion that goes back from a last place. Where the
    function does not stand there, both for every i.
    """
    inside = [part for part in right.atoms(AppliedUndef) if part.func == left.func]
    if any(len(part.args) != len(left.args) for part in inside):
        raise ValueError(f"{left} is defined by itself with another number of arguments: {inside}")
    bound = {letter for total in right.atoms(Sum, Product) for letter in total.bound_symbols}
    if inside and bound & left.free_symbols:
        return set()
    steps = {
        number: [argument - part.args[number] for part in inside]
        for number, argument in enumerate(left.args)
    }
    return {
        (number, way)
        for number, lower in steps.items()
        for way in (1, -1)
        if all(step.is_Integer and signs.sign(step) == way for step in lower)
    }


def check_circles(recursions: Iterable[Recursion]) -> None:
    """Raise RefusedError where functions are defined by each other, or one from both sides.

    With f(n + 1) = g(n) and g(n) = f(n + 1) + 1 there is no f, and all would follow.
    """
    leads_to: dict[UndefinedFunction, set] = {}
    common: dict[UndefinedFunction, set] = {}
    for recursion in recursions:
        left, right = recursion.equation.lhs, unfolded(recursion.equation.rhs, recursion.given)
        inside = {part.func for part in right.atoms(AppliedUndef)} - {left.func}
        leads_to.setdefault(left.func, set()).update(inside)
        found = ways(left, right)
        if not common.setdefault(left.func, found) & found:
            raise RefusedError(f"{left.func} is given by places on both sides of its own")
        common[left.func] &= found
    for function in leads_to:
        reached, waiting = set(), [function]
        while waiting:
            new = leads_to.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        if function in reached:
            raise RefusedError(f"{function} is defined by functions that are defined by it")
