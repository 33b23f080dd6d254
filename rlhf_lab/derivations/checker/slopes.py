"""The value of a formula at one point, and what may be put into the lines of a chain."""

from dataclasses import dataclass

from sympy import Basic, Derivative, Expr, Pow, Symbol, log

from rlhf_lab.derivations.checker.calculus import Differentiated
from rlhf_lab.derivations.checker.canonical import canonical
from rlhf_lab.derivations.checker.checking import (
    WORLDS_TO_REFUSE,
    Evidence,
    RefusedError,
    check_equal,
)
from rlhf_lab.derivations.checker.comparing import TOLERANCE, value_or_none
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.hidden import (
    check_arguments,
    check_defined,
    check_slope,
    check_slopes,
    check_statement,
    check_varied,
    instance,
)
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.checker.probability import Optimum
from rlhf_lab.derivations.checker.rules import Rule
from rlhf_lab.derivations.checker.special_case import check_letter
from rlhf_lab.derivations.checker.substitution import Meaning, substituted


@dataclass(frozen=True)
class ValueAt(Rule):
    """The value of the formula before where a letter is what is said."""

    letter: Symbol
    value: Expr

    @property
    def sign(self) -> str:
        return f"at {self.letter} = {self.value}:"

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not isinstance(before, Expr) or isinstance(before, Optimum):
            raise RefusedError(f"{before} is not a formula that has a value")
        check_varied(self.letter, given)
        check_letter(self.letter, self.value, given, given, {})
        formula, meaning = canonical(unfolded(before, given), given), {self.letter: self.value}
        check_slopes(formula, meaning)
        check_poles(unfolded(before, given), meaning, given)
        evidence = check_equal(substituted(formula, meaning), after, given)
        return evidence if evidence.kind == "sampled" else Evidence("computed")


def check_poles(formula: Basic, meaning: Meaning, given: Given) -> None:
    """Raise RefusedError where the formula divides by 0, or takes its logarithm, once put in."""
    for part in formula.atoms(Pow, log):
        base, put_in = part.args[0], {k: v for k, v in meaning.items() if part.args[0].has(k)}
        if put_in and not (isinstance(part, Pow) and part.exp.is_nonnegative):
            there = substituted(canonical(base, given), put_in)
            if not there.has(Derivative) and vanishes(there, given):
                raise RefusedError(f"{part} is not defined where {base} is 0")


def vanishes(formula: Expr, given: Given) -> bool:
    """Whether it is 0 in each random world in which it has a value."""
    worlds = (Interpretation(given, seed) for seed in range(WORLDS_TO_REFUSE))
    values = (value_or_none(world, formula) for world in worlds)
    found = [abs(value) < TOLERANCE for value in values if value is not None]
    return bool(found) and all(found)


def check_lines(lines: tuple, meaning: Meaning, old: Given, new: Given) -> None:
    """Raise RefusedError where a special case would change what a line of a chain says."""
    put_in = instance(meaning, old, new)
    for before, line in zip((None, *lines), lines, strict=False):
        if line.evidence.kind == "by hypothesis":
            raise RefusedError("a line rests on the hypothesis of an induction: prove that first")
        check_statement(line.expression, meaning, old, new)
        check_arguments(unfolded(line.expression, old), meaning, new, meaning)
        check_defined(substituted(line.expression, meaning))
        check_poles(unfolded(line.expression, old), put_in, new)
        if isinstance(line.rule, (Differentiated, ValueAt)):
            check_along(unfolded(before.expression, old), line.rule, put_in)


def check_along(body: Basic, rule: Differentiated | ValueAt, meaning: Meaning) -> None:
    """The same for a line that differentiates along a letter, or that chooses its value."""
    letter = getattr(rule, "along", None) or rule.letter
    check_slope(body, [letter], meaning)
    kept = {letter, *getattr(rule, "value", letter).free_symbols} & set(meaning)
    if kept:
        raise RefusedError(f"{', '.join(map(str, kept))} is said of a line: it keeps its name")
