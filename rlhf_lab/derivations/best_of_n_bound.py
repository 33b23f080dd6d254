"""The best of n of responses that can be counted: its KL is at most log n - (n - 1)/n.

Response by response, the KL is at most an area of `best_of_n`, and the areas join to the whole.
Any number N + 1 of responses, any n. Beirami et al. 2024, "Theoretical guarantees on the best-of-n
alignment policy" (arXiv 2401.01879), show that the formula, often taken for the value, is a bound.
"""

from sympy import Eq, Expr, Function, Integer, Lambda, Sum, symbols

from rlhf_lab.derivations.best_of_n import (
    LIMIT,
    area,
    formula,
    h,
    n,
    of_one,
    one_response,
    u,
    worst_response,
    x,
)
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, terms

i, j = symbols("i j", integer=True, positive=True)
base = Function("base", positive=True)
upto = Function("upto", positive=True)
level = Function("level", real=True)
COUNTED = Given(
    ranges=((j, 1, N + 1), (i, 1, N)),
    definitions=(
        Eq(area(u), formula(u), evaluate=False),
        Eq(upto(i), Sum(base(j), (j, 1, i)), evaluate=False),
    ),
    distributions=(base(j),),
    statement="Responses 1 to N + 1 in the order of their rewards, the worst first, and no two of "
    "one reward: base(j) is the probability of one draw, upto(j) that of all that are no better. "
    "The best of n draws is no better than the j-th if no draw is, with probability upto(j) to the "
    "power n. Ties: where a fixed rule orders responses of one reward, the order is that rule's; "
    "where the first drawn is kept, or any at random, they may be taken as one response, since "
    "their shares within it do not change.",
)


def best_is(place: Expr) -> Expr:
    """upto(i + 1)^n - upto(i)^n: the probability that the best of n draws is the (i + 1)-th."""
    return terms(upto(place + 1) ** n, -(upto(place) ** n))


def steps_join() -> Derivation:
    """Σ_{i=1}^{N} [f(i + 1) - f(i)] = f(N + 1) - f(1), for any f."""
    steps = Sum(terms(level(i + 1), -level(i)), (i, 1, N))
    return (
        begin("steps join", steps, COUNTED)
        .rewrite(terms(Sum(level(i + 1), (i, 1, N)), -Sum(level(i), (i, 1, N))), "sum by sum")
        .rewrite(terms(level(N + 1), -level(1)), "all between come with both signs")
    )


def probabilities_of_the_best() -> Derivation:
    """upto(1)^n and the steps of upto^n sum to 1: the best of n draws is one of the responses."""
    first = upto(1) ** n
    joined = steps_join().at({level: Lambda(i, upto(i) ** n)}, COUNTED)
    return (
        begin("the best is one of them", terms(first, Sum(best_is(i), (i, 1, N))), COUNTED)
        .substitute(
            terms(first, upto(N + 1) ** n, -first), "the steps join to a whole", by=(joined,)
        )
        .rewrite(upto(N + 1) ** n, "cancel")
        .rewrite(Integer(1), "no response is better than the last")
    )


def kl_of_the_best() -> Derivation:
    """KL[best of n ‖ one draw] ≤ log n - (n - 1)/n, for N + 1 responses without ties."""
    worst = of_one(upto(1) ** n, upto(1))
    others = Sum(of_one(best_is(i), base(i + 1)), (i, 1, N))
    areas = Sum(terms(area(upto(i + 1)), -area(upto(i))), (i, 1, N))
    joined = steps_join().at({level: Lambda(i, area(upto(i)))}, COUNTED)
    return (
        begin("KL of the best", terms(worst, others), COUNTED, "the worst response, and the others")
        .bounded(
            terms(worst, areas),
            "each of the others adds at most an area",
            by=one_response().at({x: upto(i), h: base(i + 1)}, COUNTED),
            over=(i, 1, N),
        )
        .bounded(
            terms(area(upto(1)), areas),
            "the worst adds at most the area below it",
            by=worst_response().at({h: upto(1)}, COUNTED),
        )
        .substitute(
            terms(area(upto(1)), area(upto(N + 1)), -area(upto(1))), "the areas join", by=(joined,)
        )
        .rewrite(area(upto(N + 1)), "cancel")
        .rewrite(LIMIT, "upto(N + 1) = 1, and log 1 = 0")
    )


RESULTS = (
    steps_join,
    probabilities_of_the_best,
    kl_of_the_best,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1² = 1.": (
        "steps join, line 2: square of 1",
        "steps join, line 3: square of 1",
        "the best is one of them, line 2: square of 1",
        "KL of the best, line 2: square of 1",
        "KL of the best, line 2: square of 1, place 2",
        "KL of the best, line 3: square of 1",
        "KL of the best, line 3: square of 1, place 2",
        "KL of the best, line 4: square of 1",
    ),
    "upto(N + 1) is 1, and so are all its powers.": (
        "the best is one of them, line 3: square of upto(N + 1)**n",
        "the best is one of them, line 3: sign of n",
        "the best is one of them, line 3: square of n",
        "the best is one of them, line 3: N for n",
        "the best is one of them, line 3: i for n",
        "KL of the best, line 5: square of upto(N + 1)",
    ),
    "Up to the first is the first: upto(1) is base(1).": (
        "KL of the best, line 2: base for upto(1)",
        "KL of the best, line 2: base for upto(1), place 2",
        "KL of the best, line 2: base for upto(1), place 3",
        "KL of the best, line 3: base for upto(1)",
    ),
}
