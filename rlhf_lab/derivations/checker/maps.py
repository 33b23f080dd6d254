"""Rules for strictly monotonic maps: they keep an optimum, and they keep an equation true."""

from dataclasses import dataclass

from sympy import Basic, Dummy, Equality, Lambda, diff

from rlhf_lab.derivations.checker import signs
from rlhf_lab.derivations.checker.checking import (
    Evidence,
    RefusedError,
    check_equal,
    check_free_of,
    check_positive,
    compare_with_zero,
)
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.hidden import check_varied, shut
from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin, Optimum
from rlhf_lab.derivations.checker.rules import Rule, name_of, weakest
from rlhf_lab.derivations.checker.substitution import substituted


@dataclass(frozen=True)
class SameOptimum(Rule):
    """The same arg max or arg min after a strictly monotonic map of the objective.

    The map must be free of what is varied, its slope of one proved sign; a falling map turns
    arg max into arg min. Its letter is real, or positive where the objective is proved positive.
    """

    through: Lambda
    sign = "="

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not (isinstance(before, Optimum) and isinstance(after, Optimum)):
            raise RefusedError(
                f"need arg max or arg min, got {name_of(before)} and {name_of(after)}"
            )
        objective, variable = before.args
        (letter,) = self.through.variables
        check_varied(variable, given)
        check_free_of(self.through.expr, variable, given)
        if letter.is_positive:
            check_positive(objective, given)
        way = direction(self.through, given)
        other = OPPOSITE[type(before)] if way == "falling" else type(before)
        if type(after) is not other or after.args[1] != variable:
            raise RefusedError(f"a {way} map turns {name_of(before)} into {other.text_name}")
        evidence = check_equal(
            substituted(self.through.expr, {letter: objective}), after.args[0], given
        )
        kind = "sampled" if evidence.kind == "sampled" else "proved"
        return Evidence(kind, f"{way} map {letter} ↦ {self.through.expr}")


@dataclass(frozen=True)
class BothSides(Rule):
    """The equation after the same strictly monotonic map of both sides: true where it was true."""

    through: Lambda
    sign = "⟺"

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not (isinstance(before, Equality) and isinstance(after, Equality)):
            raise RefusedError(f"need two equations, got {name_of(before)} and {name_of(after)}")
        direction(self.through, given)
        (letter,) = self.through.variables
        given = shut(given, *before.args, *after.args)
        if letter.is_positive:
            for side in before.args:
                check_positive(side, given)
        mapped = (substituted(self.through.expr, {letter: side}) for side in before.args)
        pairs = zip(mapped, after.args, strict=True)
        return weakest([check_equal(left, right, given) for left, right in pairs])


def direction(through: Lambda, given: Given) -> str:
    """Whether a map rises or falls throughout. Raises RefusedError where neither is proved."""
    (letter,) = through.variables
    formula = unfolded(through.expr, given)
    if letter.assumptions0 not in (REAL.assumptions0, POSITIVE.assumptions0):
        raise RefusedError(f"declare {letter} real=True or positive=True and nothing else")
    slope = diff(formula, letter)
    way = signs.sign(slope)
    if way is None or not signs.is_smooth(formula, letter):
        raise RefusedError(f"could not prove that {through.expr} rises or falls with {letter}")
    compare_with_zero(way * slope, given)
    return "rising" if way == 1 else "falling"


REAL, POSITIVE = Dummy(real=True), Dummy(positive=True)
OPPOSITE = {ArgMax: ArgMin, ArgMin: ArgMax}
