"""Recursions: what a function is at one place, given what it is at others. They are definitions."""

from dataclasses import dataclass

from sympy import Basic, Eq, Expr, Product, Sum, Symbol
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker import signs
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
        if not signs.fits(left, right):
            raise ValueError(f"{self.name}: {left} is declared to be what {right} need not be")
        if not goes_one_way(left, right):
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


def goes_one_way(left: Expr, right: Basic) -> bool:
    """Whether one argument is lower, by a whole number, wherever the function stands on the right.

    Or higher everywhere: a recursion that goes back from a last place.
    """
    inside = [part for part in right.atoms(AppliedUndef) if part.func == left.func]
    bound = {letter for total in right.atoms(Sum, Product) for letter in total.bound_symbols}
    steps = [[a - b for a, b in zip(left.args, part.args, strict=True)] for part in inside]
    ways = [
        {signs.sign(number) if number.is_Integer else None for number in way}
        for way in zip(*steps, strict=True)
    ]
    return not inside or (not bound & left.free_symbols and ({1} in ways or {-1} in ways))
