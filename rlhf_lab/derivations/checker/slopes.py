"""What may be put into a formula with derivatives, and the value of a formula at one point.

∂/∂θ of θ t is t. If θ itself were put in for t, the left side would be the slope of θ², the right
side θ: so nothing that depends on θ goes into what is differentiated along θ. And θ may get
another name there, but no value and no name that stands beside it already.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Basic, Derivative, Expr, Symbol
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.calculus import Differentiated
from rlhf_lab.derivations.checker.canonical import canonical
from rlhf_lab.derivations.checker.checking import Evidence, RefusedError, check_equal
from rlhf_lab.derivations.checker.given import Given, unfolded
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
        if self.letter in given.meanings():
            raise RefusedError(f"{self.letter} is defined, so it cannot be chosen")
        check_letter(self.letter, self.value, given, given)
        formula, meaning = canonical(unfolded(before, given), given), {self.letter: self.value}
        check_slopes(formula, meaning)
        evidence = check_equal(substituted(formula, meaning), after, given)
        return evidence if evidence.kind == "sampled" else Evidence("computed")


def check_slopes(expression: Basic, meaning: Meaning) -> None:
    """Raise RefusedError where what is put in would change what a derivative means."""
    for derivative in expression.atoms(Derivative):
        check_slope(derivative.expr, list(derivative.variables), meaning)


def check_slope(body: Basic, along: list[Symbol], meaning: Mapping) -> None:
    """The same for one derivative of a body along some letters."""
    new = {meaning.get(letter, letter) for letter in along}
    for letter in new:
        if not isinstance(letter, Symbol):
            raise RefusedError(f"{letter} is put in for what {body} is differentiated along")
    inside = {body.func, *(part.func for part in body.atoms(AppliedUndef))} | body.free_symbols
    others = [
        meaning[key] for key in meaning if key not in along and (key in inside or body.has(key))
    ]
    beside = {letter for letter in body.free_symbols - set(along) if letter not in meaning}
    beside |= {letter for value in others for letter in value.free_symbols}
    if len(new) < len(set(along)) or new & beside:
        raise RefusedError(
            f"{body} is differentiated along {', '.join(map(str, along))}: work the derivative "
            "out before you put in what depends on it"
        )


def check_lines(lines: tuple, meaning: Meaning) -> None:
    """Raise RefusedError where a special case would change what a line of a chain says."""
    for before, line in zip((None, *lines), lines, strict=False):
        check_slopes(line.expression, meaning)
        if isinstance(line.rule, Differentiated):
            check_slope(before.expression, [line.rule.along], meaning)
        if isinstance(line.rule, ValueAt):
            check_slope(before.expression, [line.rule.letter], meaning)
