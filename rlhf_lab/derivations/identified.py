"""What comparisons say about a score: everything but one constant for each prompt."""

from collections.abc import Iterable

from sympy import Eq, Expr, Function, Lambda, Symbol, exp, log

from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import ONE_PROMPT, reward, t, terms, y, z

another = Function("another", real=True)  # reward
y_0 = Symbol("y_0", integer=True, positive=True)


def same_comparisons() -> Derivation:
    """Two scores with the same comparisons differ by one constant: r'(y) = r(y) + f. RM-9.

    f = r'(y_0) - r(y_0) is the same for every y; comparisons cannot say what it is.
    """
    scores = [terms(r(y), -r(y_0)) for r in (another, reward)]
    odds = [exp(terms(r(y_0), -r(y))) for r in (another, reward)]
    gaps = [terms(r(y_0), -r(y)) for r in (another, reward)]
    constant = terms(reward(y), another(y_0), -reward(y_0))
    return (
        begin("same comparisons", equal(map(Sigmoid, scores)), ONE_PROMPT, "for every y and one y0")
        .both_sides(
            equal(terms(1, odd) for odd in odds), "1 over both sides", through=Lambda(t, 1 / t)
        )
        .both_sides(equal(odds), "less 1", through=Lambda(z, z - 1))
        .both_sides(equal(gaps), "the logarithm", through=Lambda(t, log(t)))
        .both_sides(
            equal((another(y), constant)),
            "the scores of y0 to one side: one constant for every y",
            through=Lambda(z, another(y_0) - z),
        )
    )


def equal(sides: Iterable[Expr]) -> Eq:
    """An equation that stays as it is written."""
    return Eq(*sides, evaluate=False)


RESULTS = (same_comparisons,)
