"""The questions that the rules ask: equal? of one sign? free of the policy? a distribution?

Each is first tried in random worlds, which refuses most wrong steps and shows why; then proved.
"""

from dataclasses import dataclass
from functools import lru_cache

from sympy import Add, Basic, Expr, Integer, Max, Min, Sum, Symbol

from rlhf_lab.derivations.checker import signs
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.canonical import canonical, is_zero
from rlhf_lab.derivations.checker.comparing import (
    RefusedError,
    compare_in_worlds,
    refusal,
    value_or_none,
)
from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.generators import cancelled
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.checker.probability import depends

WORLDS_TO_REFUSE = 16
WORLDS_TO_ACCEPT = 200


@dataclass(frozen=True)
class Evidence:
    """How a step was checked: given, by definition, proved, computed, by lemma, or sampled."""

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


@lru_cache(maxsize=4096)  # a lemma is built again in every result that it serves
def check_equal(left: Expr, right: Expr, given: Given) -> Evidence:
    """Evidence that the two sides are equal in every world. Raises Refused."""
    compare_in_worlds(left, right, given, WORLDS_TO_REFUSE)
    long_left, long_right = (unfolded(side, given) for side in (left, right))
    decided = Add(left, right, evaluate=False).has(Clip, Min, Max)  # by sympy itself, from a sign
    if evaluated(long_left) == evaluated(long_right) and evaluated(left) != evaluated(right):
        return Evidence("proved" if decided else "by definition")
    if is_zero(long_left - long_right, given):
        return Evidence("proved")
    compare_in_worlds(left, right, given, WORLDS_TO_ACCEPT)
    return Evidence("sampled", f"{WORLDS_TO_ACCEPT} random points, 25 digits")


def evaluated(expression: Basic) -> Basic:
    """The expression with everything done that sympy does when a formula is made."""
    if not expression.args:
        return expression
    return expression.func(*map(evaluated, expression.args))


def prove_equal(left: Expr, right: Expr, given: Given) -> None:
    """Raise RefusedError unless the two sides are proved to be equal; random points do not do."""
    if check_equal(left, right, given).kind == "sampled":
        raise RefusedError(f"could not prove that {left} equals {right}")


def check_positive(expression: Expr, given: Given) -> None:
    """Raise RefusedError unless the expression is proved to be above 0."""
    compare_with_zero(expression, given)
    expression = unfolded(expression, given)
    forms = (expression, canonical(expression, given), cancelled(canonical(expression, given)))
    if not any(map(signs.is_positive, forms)):
        raise RefusedError(f"could not prove that {expression} is above 0")


def compare_with_zero(expression: Expr, given: Given) -> None:
    """Raise RefusedError with a world in which the expression is not above 0."""
    for seed in range(WORLDS_TO_REFUSE):
        world = Interpretation(given, seed)
        value = value_or_none(world, expression)
        if value is None or value <= 0:
            raise refusal(f"{expression} is not above 0", world, [value, ARITHMETIC.mpf(0)])


def check_free_of(expression: Expr, variable: Expr, given: Given) -> None:
    """Raise RefusedError where the variable, a letter or a policy(y), is in the expression."""
    if depends(canonical(unfolded(expression, given), given), variable):
        raise RefusedError(f"{expression} depends on {variable}")


def check_distribution(probability: Expr, outcome: Symbol, given: Given) -> None:
    """Raise RefusedError unless the probabilities are proved positive and to sum to 1."""
    ends, declared = given.range_of(outcome), given.distribution_of(probability)
    if declared is not None and probability.args[0] == outcome:
        conditions = set().union(*(part.free_symbols for part in probability.args[1:]))
        if given.range_of(declared.args[0]) == ends and outcome not in conditions:
            return
    if ends is None:
        raise RefusedError(
            f"{outcome} has no range, so {probability} cannot be a distribution over it"
        )
    check_positive(probability, given)
    total = Sum(probability, (outcome, *ends))
    prove_equal(total, Integer(1), given)


def check_domain(letter: Basic, value: Expr, given: Given) -> None:
    """Raise RefusedError unless a value may stand for the letter: same sign, real, whole."""
    if letter.is_positive:
        check_positive(value, given)
    if letter.is_negative:
        check_positive(-value, given)
    if lacking := signs.unproved(letter, unfolded(value, given)):
        raise RefusedError(f"{letter} is {lacking}, {value} is not known to be")
    if not signs.is_real(unfolded(value, given)):
        raise RefusedError(f"{value} is not known to be real")
