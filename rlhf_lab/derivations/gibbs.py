"""Gibbs' inequality, KL[p ‖ q] ≥ 0, for any number of outcomes, from log t ≤ t - 1."""

from sympy import Add, Function, Integer, Mul, Sum, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, t, y

p, q = Function("p", positive=True), Function("q", positive=True)
TWO_DISTRIBUTIONS = Given(
    ranges=((y, 1, N),),
    distributions=(p(y), q(y)),
    statement="Two distributions over the same outcomes y = 1 to N, all of positive probability.",
)


def log_bound() -> Derivation:
    """t - 1 - log t ≥ 0 for t > 0, and 0 at t = 1 only: convex, with slope 0 there."""
    return begin("log bound", t - 1 - log(t)).lowest(
        Integer(0),
        "convex: the second derivative is 1/t²; the slope 1 - 1/t is 0 at t = 1",
        letter=t,
        at=Integer(1),
    )


def gibbs() -> Derivation:
    """KL[p ‖ q] ≥ 0, and 0 only where p(y) = q(y) for every y. DPO-16.

    Each term: -log(q/p) ≥ -(q/p - 1), weighted with p(y) and summed.
    """
    ratio = q(y) / p(y)
    return (
        begin("Gibbs' inequality", KL(p(y), q(y), y, N), TWO_DISTRIBUTIONS)
        .rewrite(
            -Sum(p(y) * log(ratio), (y, 1, N)), "the definition, with the fraction turned over"
        )
        .bounded(
            -Sum(Mul(p(y), Add(ratio, -1), evaluate=False), (y, 1, N)),
            "log t ≤ t - 1 at t = q(y)/p(y), for every y",
            by=log_bound().at({t: ratio}, TWO_DISTRIBUTIONS),
            weight=p(y),
            over=(y, 1, N),
        )
        .rewrite(Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N)), "p(y) q(y)/p(y) = q(y)")
        .rewrite(Integer(0), "both sum to 1")
    )


RESULTS = (log_bound, gibbs)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Lines 3 and 4 are 0: so are their multiples and squares, and Σp and Σq are 1.": (
        "Gibbs' inequality, line 3: sign of -Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
        "Gibbs' inequality, line 3: twice -Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
        "Gibbs' inequality, line 3: square of -Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
        "Gibbs' inequality, line 3: square of Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
        "Gibbs' inequality, line 3: sign of (-1 + q(y)/p(y))*p(y)",
        "Gibbs' inequality, line 3: twice (-1 + q(y)/p(y))*p(y)",
        "Gibbs' inequality, line 3: sign of p(y)",
        "Gibbs' inequality, line 3: sign of -1 + q(y)/p(y)",
        "Gibbs' inequality, line 3: twice -1 + q(y)/p(y)",
        "Gibbs' inequality, line 3: q for p(y), place 2",
        "Gibbs' inequality, line 3: p and q exchanged",
        "Gibbs' inequality, line 4: sign of Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N))",
        "Gibbs' inequality, line 4: twice Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N))",
        "Gibbs' inequality, line 4: square of Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N))",
        "Gibbs' inequality, line 4: without Sum(q(y), (y, 1, N)): -Sum(q(y), (y, 1, N))",
        "Gibbs' inequality, line 4: square of Sum(q(y), (y, 1, N))",
        "Gibbs' inequality, line 4: square of Sum(p(y), (y, 1, N))",
        "Gibbs' inequality, line 4: p for q(y)",
    ),
}
