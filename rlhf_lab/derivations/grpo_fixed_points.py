"""Where GRPO with undivided advantages (Dr. GRPO) ends, its KL in the loss: at β ref/(λ - r).

That is not π*. One step: a response counts as one action, and the policy is a table, so that every
distribution can be reached. The objective is the one of `grpo_expected_gradient`; a group's own
size is there. Predictions for the exact world; not in the paper.
"""

from dataclasses import replace

from sympy import Eq, Function, Integer, Lambda, Sum, Symbol, log

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.grpo_expected_gradient import WITH_REFERENCE
from rlhf_lab.derivations.notation import (
    N,
    beta,
    factors,
    over,
    reference,
    reward,
    terms,
    y,
    z,
)

lambda_ = Symbol("lambda", real=True)
p, h = Symbol("p", positive=True), Symbol("h", positive=True)
below = Function("below", positive=True)

BELOW_LAMBDA = replace(
    WITH_REFERENCE,
    definitions=(Eq(reward(y), lambda_ - below(y), evaluate=False),),
    statement="p is the probability of y. λ is the multiplier of the condition that all p sum to "
    "1; it is above every reward, by below(y), since β ref/p is above 0.",
)


def slope_of_one_probability() -> Derivation:
    """The slope of p r - β ref log(ref/p) - λ p along p is r + β ref/p - λ."""
    penalty = factors(beta, reference(y), log(reference(y) / p))
    return begin(
        "slope of one probability", terms(p * reward(y), -penalty, -lambda_ * p), WITH_REFERENCE
    ).differentiate(
        p, "what y adds to the objective", terms(reward(y), over(beta * reference(y), p), -lambda_)
    )


def fixed_point() -> Derivation:
    """r + β ref/p - λ = 0 is solved by p = β ref/(λ - r) alone."""
    pull = over(beta * reference(y), p)
    return (
        begin(
            "fixed point of GRPO",
            Eq(slope_of_one_probability().end, Integer(0), evaluate=False),
            BELOW_LAMBDA,
            "the slope is 0 for every response",
        )
        .both_sides(
            Eq(pull, lambda_ - reward(y), evaluate=False),
            "plus λ - r",
            through=Lambda(z, z + lambda_ - reward(y)),
        )
        .rewrite(Eq(pull, below(y), evaluate=False), "call it below(y), a positive number")
        .solve(Eq(p, over(beta * reference(y), below(y)), evaluate=False), "solve for p")
        .rewrite(
            Eq(p, over(beta * reference(y), lambda_ - reward(y)), evaluate=False),
            "the definition of below(y)",
        )
    )


def one_lambda() -> Derivation:
    """Σ β ref/(λ - r) falls as λ = λ_0 + h grows: at most one λ makes it 1.

    That there is one is said here in words only: the sum goes to 0 as λ grows, beyond any bound as
    λ comes down to the largest reward, and makes no jump between.
    """
    gap = terms(below(y), h)
    return (
        begin(
            "one λ",
            Sum(over(beta * reference(y), gap), (y, 1, N)),
            BELOW_LAMBDA,
            "λ - r is below(y) + h",
        )
        .differentiate(
            h, "term by term", factors(-1, beta, Sum(over(reference(y), gap**2), (y, 1, N)))
        )
        .below(Integer(0), "every term is positive")
    )


RESULTS = (
    slope_of_one_probability,
    fixed_point,
    one_lambda,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "(-u)² = u².": ("one λ, line 2: sign of h + below(y)",),
    "What is below 0 is below 1.": ("one λ, line 3: 1 more than the line",),
}
