"""The policy that KL-regularised reward maximisation ends at, in closed form (step 1 of DPO).

Rafailov et al. 2023 (arXiv 2305.18290), Eq. 3, 4 and appendix A.1; any number of responses.
"""

from sympy import Integer, Lambda, Sum, exp, log

from rlhf_lab.derivations.checker.probability import KL, ArgMax, ArgMin, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import gibbs, p, q
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    TILTED,
    N,
    Z,
    beta,
    factors,
    optimal,
    over,
    policy,
    reference,
    reward,
    terms,
    y,
    z,
)

PENALISED = terms(reward(y), -beta * log(policy(y) / reference(y)))
VALUE = Expectation(PENALISED, policy(y), y, N)


def closed_form() -> Derivation:
    """arg max_π E_π[r - β log(π/ref)] = ref exp(r/β) / Z, in seven lines. DPO-4, -7, -15.

    The lines are the notes'. They are joined as what they are: the same optimum of another
    objective (lines 2 and 7), the same objective written differently (3 to 6), and the optimum
    itself (8), by Gibbs' inequality. Rafailov et al. 2023, Eq. 11 to 15.
    """
    ratio = log(policy(y) / reference(y))
    tilt = reward(y) / beta
    to_tilted = policy(y) * log(over(policy(y), TILTED))
    lines = (
        terms(ratio, -tilt),
        terms(ratio, log(Z), -tilt, -log(Z)),
        terms(log(over(policy(y), reference(y) / Z)), -log(exp(tilt), evaluate=False), -log(Z)),
        terms(log(over(policy(y), TILTED)), -log(Z)),
    )
    second, third, fourth, fifth = (minimum(Expectation(f, policy(y), y, N)) for f in lines)
    return (
        begin("closed form", ArgMax(VALUE, policy(y)), ONE_PROMPT)
        .same_optimum(
            second, "times -1/β, which is negative: max becomes min", through=Lambda(z, -z / beta)
        )
        .rewrite(third, "add and subtract log Z(x)")
        .rewrite(fourth, "log Z(x) joins the first logarithm, and u = log exp u")
        .rewrite(fifth, "the second logarithm joins the first")
        .rewrite(
            minimum(terms(Sum(to_tilted, (y, 1, N)), -log(Z))),
            "the expectation as a sum; log Z(x) is the same for every y",
        )
        .same_optimum(
            minimum(KL(policy(y), TILTED, y, N)),
            "plus log Z(x), which is free of π; what is left is a KL",
            through=Lambda(z, z + log(Z)),
        )
        .attained(
            TILTED,
            "a KL is 0 where both sides are equal and larger elsewhere; the right side is a "
            "distribution",
            by=gibbs().at({p: Lambda(y, policy(y)), q: Lambda(y, TILTED)}, ONE_PROMPT),
        )
        .rewrite(optimal(y), "call it π*")
    )


def minimum(objective) -> ArgMin:
    """arg min over all policies."""
    return ArgMin(objective, policy(y))


def sums_to_one() -> Derivation:
    """Σ_y π*(y) = 1: Z(x) is what normalises. DPO-8, -17."""
    tilted = reference(y) * exp(reward(y) / beta)
    return (
        begin("π* sums to 1", Sum(optimal(y), (y, 1, N)), ONE_PROMPT)
        .rewrite(Sum(TILTED, (y, 1, N)), "the definition of π*")
        .rewrite(factors(1 / Z, Sum(tilted, (y, 1, N))), "Z(x) is the same for every y")
        .rewrite(Integer(1), "the sum is Z(x)")
    )


def is_positive() -> Derivation:
    """π*(y) > 0 for every y: a product of positive factors. DPO-17."""
    return (
        begin("π* is positive", optimal(y), ONE_PROMPT)
        .rewrite(TILTED, "the definition of π*")
        .above(Integer(0), "every factor is positive")
    )


def value_of_any_policy() -> Derivation:
    """J(π) = β log Z - β KL[π ‖ π*], so J(π) ≤ β log Z, with equality at π* only. DPO-4, -15."""
    to_optimal = KL(policy(y), optimal(y), y, N)
    return (
        begin("value of any policy", VALUE, ONE_PROMPT)
        .rewrite(
            Expectation(terms(beta * log(Z), -beta * log(policy(y) / optimal(y))), policy(y), y, N),
            "r = β log(π*/ref) + β log Z(x), from the definition of π*",
        )
        .rewrite(terms(beta * log(Z), -beta * to_optimal), "log Z(x) is the same for every y")
        .bounded(
            beta * log(Z),
            "a KL is never negative",
            by=gibbs().at({p: Lambda(y, policy(y)), q: Lambda(y, optimal(y))}, ONE_PROMPT),
            weight=-beta,
        )
    )


def value_at_optimum() -> Derivation:
    """J(π*) = β log Z. DPO-4."""
    penalised = terms(reward(y), -beta * log(optimal(y) / reference(y)))
    return (
        begin("value at the optimum", Expectation(penalised, optimal(y), y, N), ONE_PROMPT)
        .rewrite(
            Expectation(
                terms(reward(y), -beta * terms(reward(y) / beta, -log(Z))), optimal(y), y, N
            ),
            "the definition of π*",
        )
        .rewrite(Expectation(beta * log(Z), optimal(y), y, N), "r cancels")
        .rewrite(beta * log(Z), "π* sums to 1")
    )


RESULTS = (closed_form, sums_to_one, is_positive, value_of_any_policy, value_at_optimum)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "The mean of a constant, β log Z, is the same under any distribution.": (
        "value at the optimum, line 2: reference for optimal(y)",
        "value at the optimum, line 3: reference for optimal(y)",
    ),
    "1² = 1.": (
        "π* sums to 1, line 2: square of Sum(reference(y)*exp(reward(y)/beta)/Z, (y, 1, N))",
        "π* sums to 1, line 3: square of Sum(reference(y)*exp(reward(y)/beta), (y, 1, N))/Z",
    ),
}
