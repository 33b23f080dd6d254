"""Rules of inequality: by a sign, by a lemma under a sum, and where a bound is reached."""

from dataclasses import dataclass

from sympy import Basic, Eq, Expr, Integer, S, Sum, Symbol, diff, sympify
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.calculus import check_only_solution
from rlhf_lab.derivations.checker.checking import (
    Evidence,
    RefusedError,
    check_distribution,
    check_free_of,
    check_positive,
    prove_equal,
)
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.hidden import (
    check_lemma,
    check_open,
    check_varied,
    shut,
)
from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin
from rlhf_lab.derivations.checker.rules import Rule
from rlhf_lab.derivations.checker.signs import is_negative, is_smooth
from rlhf_lab.derivations.checker.substitution import substituted


@dataclass(frozen=True)
class Signed(Rule):
    """Strictly below or above the line before, by a sign that is proved."""

    sign: str

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        check_positive(before - after if self.sign == ">" else after - before, given)
        return Evidence("proved")


@dataclass(frozen=True)
class Bound(Rule):
    """A lemma "start ≥ end" or "start ≤ end", times weights of one sign, summed over outcomes.

    The two lines must differ by Σ weight (start - end) exactly; they are equal where the lemma's
    two sides are, at every outcome. Negative weights turn the inequality round.
    """

    lemma: Chain
    weight: Expr = S.One
    over: tuple = ()

    @property
    def sign(self) -> str:
        turned = {"≥": "≤", "≤": "≥"}.get(self.lemma.sign, "")
        return turned if is_negative(self.weight) else self.lemma.sign

    @property
    def equality_case(self) -> Eq:
        return self.lemma.equality_case

    @property
    def equality_range(self) -> tuple:
        return (*self.lemma.equality_range, *map(sympify, self.over[1:]))

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if self.sign not in ("≥", "≤"):
            raise RefusedError(f"{self.lemma.name} is not an inequality")
        check_lemma(self.lemma, given, self.lemma.start, self.lemma.end)
        if self.over:
            check_open(self.over[0], given)
        check_positive(-self.weight if is_negative(self.weight) else self.weight, given)
        gap = self.weight * (self.lemma.start - self.lemma.end)
        prove_equal(before - after, Sum(gap, self.over) if self.over else gap, given)
        return Evidence("by lemma", self.lemma.name)


@dataclass(frozen=True)
class Attained(Rule):
    """arg min of a quantity: the one place where a lemma's lower bound is reached.

    The bound must be free of what is varied, and what reaches it must be allowed: a distribution
    where distributions are compared. The same for arg max and an upper bound.
    """

    lemma: Chain
    sign = "="

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if self.lemma.sign != {ArgMin: "≥", ArgMax: "≤"}.get(type(before)):
            raise RefusedError(f"{self.lemma.name} does not bound {before} on the right side")
        check_lemma(self.lemma, given, self.lemma.start, self.lemma.end)
        objective, variable = before.args
        check_varied(variable, given)
        prove_equal(objective, self.lemma.start, given)
        for part in (self.lemma.end, after):
            check_free_of(part, variable, given)
        if isinstance(variable, AppliedUndef):
            self.check_every_outcome(objective, variable.args[0], given)
        if given.distribution_of(variable) is not None:
            check_distribution(after, variable.args[0], given)
        case = self.lemma.equality_case
        check_only_solution(case, variable, after, shut(given, *case.args, after))
        return Evidence("by lemma", self.lemma.name)

    def check_every_outcome(self, objective: Expr, outcome: Symbol, given: Given) -> None:
        """Raise RefusedError unless the bound says what every value of a function must be."""
        ends = given.range_of(outcome)
        if outcome in objective.free_symbols or self.lemma.equality_range != ends:
            raise RefusedError(f"{self.lemma.name} is not about every {outcome}")


@dataclass(frozen=True)
class Rising(Rule):
    """f(h) ≥ f(0) for h > 0, since the slope of f is never negative: a lemma's gap times a weight.

    By the mean value theorem, so f must be proved smooth for h > 0, and f(0) be what the formula
    says. The case of equality that is named, h = 0, is one; there may be more.
    """

    letter: Symbol
    lemma: Chain
    weight: Expr = S.One
    sign = "≥"

    @property
    def equality_case(self) -> Eq:
        return Eq(self.letter, 0, evaluate=False)

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not self.letter.is_positive or self.letter.is_integer:
            raise RefusedError(f"{self.letter} must be a positive real letter")
        if self.lemma.sign != "≥":
            raise RefusedError(f"{self.lemma.name} does not bound a slope from below")
        check_varied(self.letter, given)
        check_lemma(self.lemma, given, self.lemma.start, self.lemma.end)
        check_positive(self.weight, given)
        if not is_smooth(unfolded(before, given), self.letter, down_to=Integer(0)):
            raise RefusedError(f"could not prove that {before} is smooth in {self.letter}")
        slope = diff(unfolded(before, given), self.letter)
        prove_equal(slope, self.weight * (self.lemma.start - self.lemma.end), given)
        there = substituted(unfolded(before, given), {self.letter: Integer(0)})
        prove_equal(there, after, given)
        return Evidence("by lemma", f"{self.lemma.name}: a slope that is never negative")
