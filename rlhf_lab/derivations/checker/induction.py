"""Proofs for every whole number.

Induction proves left(n) = right(n) for n = 1, 2, 3, ...: from a base at 1, and from a
step that may use the statement itself at n, its hypothesis, to reach n + 1.
"""

from dataclasses import dataclass

from sympy import Basic, Eq, Equality, Integer, Symbol
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.checking import Evidence, RefusedError, prove_equal
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.hidden import check_lemma, check_open, check_slopes, shut
from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.rules import Equal, Rule
from rlhf_lab.derivations.checker.special_case import check_special_case
from rlhf_lab.derivations.checker.substitution import substituted


@dataclass(frozen=True)
class ByHypothesis(Rule):
    """Equal by the statement that an induction is proving, taken at n.

    The statement holds for every value of its letters but n, so it may be used for other values
    of those named in `for_every`.
    """

    statement: Eq
    for_every: tuple[Symbol, ...] = ()
    sign = "="

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        told = told_everywhere(before, self.statement, set(self.for_every), given)
        if told == before:
            raise RefusedError(f"{self.statement.lhs} does not occur in {before}")
        if Equal().check(told, after, shut(given, told, after)).kind == "sampled":
            raise RefusedError(f"could not prove that {told} is {after}")
        return Evidence("by hypothesis")


def told_everywhere(part: Basic, statement: Eq, letters: set, given: Given) -> Basic:
    """The right side of a statement f(n, x) = ... in the place of every f(n, value of x).

    What stands under a sum whose index is one of the statement's other letters is left alone.
    """
    left = statement.lhs
    if not letters:
        return substituted(part, {left: statement.rhs})
    if not isinstance(left, AppliedUndef) or any(left.args.count(i) != 1 for i in letters):
        raise RefusedError(f"{left} must be a function of each of {letters}, once")
    if isinstance(part, AppliedUndef) and part.func == left.func:
        meaning = {x: value for x, value in zip(left.args, part.args, strict=True) if x in letters}
        if substituted(left, meaning) == part:
            check_special_case(given, meaning, given)
            check_slopes(statement.rhs, meaning)
            return substituted(statement.rhs, meaning)
    if set(getattr(part, "bound_symbols", ())) & (statement.free_symbols - letters):
        return part
    inside = [told_everywhere(argument, statement, letters, given) for argument in part.args]
    return part.func(*inside) if inside else part


@dataclass(frozen=True)
class ByInduction(Rule):
    """left(n) = right(n) for n = 1, 2, 3, ..., from a base and a step.

    The base must prove the statement at 1, the step must prove it at n + 1, with no other
    hypothesis than the statement at n.
    """

    letter: Symbol
    base: Chain
    step: Chain
    sign = "="

    def check(self, before: Basic, after: Basic, given: Given) -> Evidence:
        if not (self.letter.is_integer and self.letter.is_positive):
            raise RefusedError(f"{self.letter} must count 1, 2, 3, ...")
        check_open(self.letter, given)
        for part in (self.base, self.step):
            check_lemma(part, given, part.start, part.end)
        self.check_hypotheses(Eq(before, after, evaluate=False))
        for part, place in ((self.base, Integer(1)), (self.step, self.letter + 1)):
            at = {self.letter: place}
            check_leads(part, substituted(before, at), substituted(after, at), given)
        return Evidence("proved", f"by induction over {self.letter}")

    def check_hypotheses(self, statement: Eq) -> None:
        """Raise RefusedError where the base assumes anything, or the step anything but P(n)."""
        assumed = {line.rule.statement for line in hypotheses(self.step)}
        if any(self.letter in line.rule.for_every for line in hypotheses(self.step)):
            raise RefusedError(f"the hypothesis holds at {self.letter} only, not for every one")
        if hypotheses(self.base) or assumed != {statement}:
            raise RefusedError(
                f"the step must rest on {statement.lhs} = {statement.rhs} and on nothing else, "
                "the base on no hypothesis"
            )


def check_leads(part: Chain, left: Basic, right: Basic, given: Given) -> None:
    """Raise RefusedError unless a chain leads from the left side to the right by equality."""
    if isinstance(part.end, Equality) or {line.sign for line in part.lines[1:]} - {"="}:
        raise RefusedError(f"{part.name} must lead from {left} to {right} by equality")
    prove_equal(left, part.start, given)
    prove_equal(right, part.end, given)


def hypotheses(chain: Chain) -> list:
    """The lines of a chain that rest on a hypothesis."""
    return [line for line in chain.lines if isinstance(line.rule, ByHypothesis)]
