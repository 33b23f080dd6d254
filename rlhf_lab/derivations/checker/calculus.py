"""Rules of calculus: differentiate, solve, and the lowest point of a convex formula."""

from dataclasses import dataclass

from sympy import Basic, Dummy, Eq, Equality, Expr, Integer, Max, Min, Symbol, diff, log
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker import signs
from rlhf_lab.derivations.checker.canonical import canonical
from rlhf_lab.derivations.checker.checking import (
    Evidence,
    RefusedError,
    check_domain,
    check_equal,
    check_positive,
    compare_with_zero,
    prove_equal,
)
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.hidden import check_varied, shut
from rlhf_lab.derivations.checker.probability import Optimum, depends
from rlhf_lab.derivations.checker.rules import Rule
from rlhf_lab.derivations.checker.substitution import substituted


@dataclass(frozen=True)
class Differentiated(Rule):
    """The derivative of the line before."""

    along: Symbol

    @property
    def sign(self) -> str:
        return f"∂/∂{self.along}"

    def result(self, before: Basic, given: Given) -> Expr:
        """The derivative itself."""
        if not isinstance(before, Expr) or isinstance(before, Optimum):
            raise RefusedError(f"cannot differentiate {before}")
        if not self.along.is_real or self.along.is_integer:
            raise RefusedError(f"{self.along} is not a real letter")
        check_varied(self.along, given)
        formula = unfolded(before, given)
        if formula.has(Min, Max):
            formula = canonical(formula, given)
        if formula.has(Min, Max):
            raise RefusedError(f"{before} has a kink: say which case it is before differentiating")
        return diff(formula, self.along)

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        evidence = check_equal(self.result(before, given), after, given)
        return evidence if evidence.kind == "sampled" else Evidence("computed")


@dataclass(frozen=True)
class Solved(Rule):
    """unknown = formula: the one solution of the equation before, for any values of the letters.

    Definitions stay shut: what is solved is the equation as it is written.
    """

    unknown: Expr
    sign = "⟺"

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not (isinstance(before, Equality) and isinstance(after, Equality)):
            raise RefusedError(f"need two equations, got {before} and {after}")
        if after.lhs != self.unknown:
            raise RefusedError(f"need {self.unknown} on the left side, got {after.lhs}")
        ground = shut(given, *before.args, after.rhs)
        check_only_solution(before, self.unknown, after.rhs, ground)
        return Evidence("computed")


@dataclass(frozen=True)
class Stationary(Rule):
    """A convex formula is nowhere below its value where its slope is 0, and equal there only."""

    letter: Symbol
    at: Expr
    sign = "≥"

    @property
    def equality_case(self) -> Eq:
        return Eq(self.letter, self.at, evaluate=False)

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not self.letter.is_real or self.letter.is_integer:
            raise RefusedError(
                f"{self.letter} must range over an interval: real=True or positive=True"
            )
        check_varied(self.letter, given)
        check_domain(self.letter, self.at, given)
        formula, there = unfolded(before, given), {self.letter: self.at}
        if not signs.is_smooth(formula, self.letter):
            raise RefusedError(f"could not prove that {before} is smooth in {self.letter}")
        prove_equal(substituted(diff(formula, self.letter), there), Integer(0), given)
        check_positive(diff(formula, self.letter, 2), given)
        prove_equal(substituted(formula, there), after, given)
        return Evidence("proved", f"convex in {self.letter}, slope 0 at {self.at}")


def check_only_solution(equation: Eq, unknown: Expr, formula: Expr, given: Given) -> None:
    """Raise RefusedError unless the formula, and nothing else, solves the equation for the unknown.

    It solves it; and the difference of the sides, or of their logs, is proved to rise or to fall
    throughout with the unknown.
    """
    if depends(formula, unknown):
        raise RefusedError(f"{formula} still depends on {unknown}")
    check_domain(unknown, formula, given)
    left, right = (substituted(side, {unknown: formula}) for side in equation.args)
    prove_equal(left, right, given)
    letter = Dummy(str(unknown), **domain(unknown))
    sides = [substituted(unfolded(side, given), {unknown: letter}) for side in equation.args]
    if any(depends(side, unknown) for side in sides):
        raise RefusedError(
            f"{unknown} stands in a sum of {equation}: it cannot be solved for alone"
        )
    gaps = [sides[0] - sides[1]]
    if all(map(signs.is_positive, sides)):
        gaps.append(log(sides[0]) - log(sides[1]))
    slopes = [canonical(diff(gap, letter), given) for gap in gaps]
    proved = [way * slope for slope in slopes if (way := signs.sign(slope)) is not None]
    if not proved:
        raise RefusedError(f"could not prove that nothing else solves {equation} for {unknown}")
    compare_with_zero(proved[0], given)


def domain(unknown: Expr) -> dict[str, bool]:
    """What is declared of an unknown: real or positive."""
    if isinstance(unknown, (Symbol, AppliedUndef)) and unknown.is_real:
        return {"positive": True} if unknown.is_positive else {"real": True}
    raise RefusedError(f"{unknown} is not a real unknown")
