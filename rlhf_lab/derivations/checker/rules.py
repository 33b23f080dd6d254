"""What may follow from a line: one small class a rule, each with one `check`.

`check(before, after, given)` returns the Evidence, or raises Refused. `sign` is how the two lines
are joined on paper. A rule that is missing goes here or beside it; nothing else decides.
"""

from dataclasses import dataclass

from sympy import Basic, Equality, Expr

from rlhf_lab.derivations.checker.checking import (
    Evidence,
    RefusedError,
    check_equal,
)
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.hidden import check_lemma, check_varied, shut
from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin, Optimum
from rlhf_lab.derivations.checker.substitution import substituted


class Rule:
    """What joins one line to the next. Each kind is a small frozen dataclass below this one."""

    sign = ""
    equality_case = None
    equality_range = ()

    def check(self, before: Basic | None, after: Basic, given: Given) -> Evidence:
        """How it is known that `after` follows from `before`. Raises RefusedError where not."""
        raise NotImplementedError


@dataclass(frozen=True)
class Start(Rule):
    """The first line. A formula is only named; an equation either follows from what is given, or
    is a question: asked, not claimed."""

    sign = ""

    def check(self, before: Basic | None, after: Basic, given: Given) -> Evidence:
        if not isinstance(after, (Expr, Equality)):
            raise RefusedError(f"{after} is neither a formula nor an equation")
        if not isinstance(after, Equality):
            return Evidence("given")
        try:
            return check_equal(after.lhs, after.rhs, given)
        except RefusedError:
            return Evidence("asked")


@dataclass(frozen=True)
class Equal(Rule):
    """The same quantity, the same equation side by side, or the optimum of the same objective."""

    sign = "="

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if isinstance(before, (Equality, Optimum)) or isinstance(after, (Equality, Optimum)):
            return self.check_parts(before, after, given)
        return check_equal(before, after, given)

    def check_parts(self, before: Basic, after: Basic, given: Given) -> Evidence:
        """Two equations side by side, or two optima by their objectives."""
        if type(before) is not type(after):
            raise RefusedError(
                f"{name_of(before)} and {name_of(after)} are not the same kind of thing"
            )
        if isinstance(before, Optimum) and before.args[1] != after.args[1]:
            raise RefusedError(f"the variable {before.args[1]} became {after.args[1]}")
        if isinstance(before, Optimum):
            check_varied(before.args[1], given)
        pairs = zip(before.args[:2], after.args[:2], strict=True)
        pairs = [next(pairs)] if isinstance(before, Optimum) else list(pairs)
        return weakest([check_equal(left, right, given) for left, right in pairs])


@dataclass(frozen=True)
class ByLemma(Rule):
    """Equal by lemmas: each puts its right side for its left, and definitions stay shut."""

    lemmas: tuple
    sign = "="

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        equations = [lemma.equation for lemma in self.lemmas]
        for lemma, equation in zip(self.lemmas, equations, strict=True):
            check_lemma(lemma, given, *equation.args)
        told = substituted(before, {equation.lhs: equation.rhs for equation in equations})
        if told == before:
            raise RefusedError(
                f"no left side of {[str(e.lhs) for e in equations]} occurs in {before}"
            )
        evidence = Equal().check(told, after, shut(given, told, after))
        if evidence.kind == "sampled":
            return evidence
        defined = all(getattr(lemma, "is_definition", False) for lemma in self.lemmas)
        names = " and ".join(dict.fromkeys(lemma.name for lemma in self.lemmas))
        return Evidence("by definition" if defined else "by lemma", names)


def name_of(line: Basic) -> str:
    """What kind of thing a line is: an equation, an arg max, a formula."""
    names = {Equality: "an equation", ArgMax: "arg max", ArgMin: "arg min"}
    return names.get(type(line), "a formula")


def weakest(evidence: list[Evidence]) -> Evidence:
    """The least certain of several pieces of evidence."""
    return max(evidence, key=lambda piece: ORDER.index(piece.kind))


ORDER = ("by definition", "proved", "sampled")
