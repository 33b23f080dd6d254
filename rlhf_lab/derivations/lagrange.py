"""The optimal policy by another road: Lagrange's multiplier and concavity, response by response.

`optimal_policy` completes a KL. Here a multiplier λ holds the sum of the probabilities at 1: slopes
of 0 give the policy up to λ, the sum gives λ, and as every term is concave, that is the best.
"""

from dataclasses import replace

from sympy import Eq, Expr, Integer, Sum, Symbol, exp, log

from rlhf_lab.derivations.checker.probability import ArgMax
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    TILTED,
    N,
    Z,
    beta,
    factors,
    optimal,
    policy,
    reference,
    reward,
    terms,
    y,
)
from rlhf_lab.derivations.optimal_policy import VALUE

multiplier = Symbol("lambda", real=True)
chance = Symbol("p", positive=True)  # of one response
WITH_MULTIPLIER = replace(
    ONE_PROMPT,
    definitions=(
        *ONE_PROMPT.definitions,
        Eq(multiplier, terms(beta * log(Z), -beta), evaluate=False),
    ),
)
UNNORMALISED = factors(reference(y), exp(reward(y) / beta), exp(-1 - multiplier / beta))


def lagrangian_term(probability: Expr) -> Expr:
    """p r - β p log(p/ref) - λ p: what one response adds to the Lagrangian."""
    cost = beta * probability * log(probability / reference(y))
    return terms(probability * reward(y), -cost, -multiplier * probability)


def slope_of_a_term() -> Derivation:
    """The slope of one response's term along its own probability. DPO-7."""
    return begin("slope of a term", lagrangian_term(chance), ONE_PROMPT).differentiate(
        chance,
        "the product rule: p log p has the slope log p + 1",
        terms(reward(y), -beta * log(chance / reference(y)), -beta, -multiplier),
    )


def stationary_probability() -> Derivation:
    """Where the slope is 0: p = ref exp(r/β) exp(-1 - λ/β), for each response apart. DPO-7."""
    slope = slope_of_a_term().end
    return begin(
        "stationary point", Eq(slope, 0, evaluate=False), ONE_PROMPT, "the slope is 0"
    ).solve(Eq(chance, UNNORMALISED, evaluate=False), "solve for p")


def multiplier_of_the_sum() -> Derivation:
    """The probabilities sum to 1, so λ = β log Z - β. DPO-7, -8."""
    left = factors(Z, exp(-1 - multiplier / beta))
    total = Sum(UNNORMALISED, (y, 1, N))
    return (
        begin("multiplier", Eq(total, 1, evaluate=False), ONE_PROMPT, "the sum must be 1")
        .rewrite(Eq(left, 1, evaluate=False), "λ is the same for every y; the rest is Z(x)")
        .solve(Eq(multiplier, terms(beta * log(Z), -beta), evaluate=False), "solve for λ")
    )


def stationary_policy() -> Derivation:
    """With that λ the stationary point is π* = ref exp(r/β) / Z. DPO-7."""
    return (
        begin("stationary policy", UNNORMALISED, WITH_MULTIPLIER)
        .rewrite(TILTED, "the value of λ: exp of -log Z(x) is 1/Z(x)")
        .rewrite(optimal(y), "the same as by completing the KL")
    )


def no_better_probability() -> Derivation:
    """Minus a term is convex in p: nowhere below its value at p = π*, where its slope is 0. DPO-7.

    So the term itself is concave, and π* is its highest point, not only a stationary one.
    """
    cost = beta * chance * log(chance / reference(y))
    loss = terms(cost, -chance * reward(y), multiplier * chance)
    return begin("minus one term", loss, WITH_MULTIPLIER).lowest(
        -beta * optimal(y),
        "convex: the second derivative is β/p; the slope is 0 at π*",
        letter=chance,
        at=optimal(y),
    )


def bound_by_terms() -> Derivation:
    """J(π) ≤ β log Z, with equality at π* only: every term is at its highest there. DPO-4, -7."""
    own = Sum(lagrangian_term(policy(y)), (y, 1, N))
    best = Sum(beta * optimal(y), (y, 1, N))
    return (
        begin("value by terms", VALUE, WITH_MULTIPLIER)
        .rewrite(terms(own, multiplier), "add λ - λ Σπ, which is 0")
        .bounded(
            terms(best, multiplier),
            "each term is at most its value at π*",
            by=no_better_probability().at({chance: policy(y)}, WITH_MULTIPLIER),
            weight=Integer(-1),
            over=(y, 1, N),
        )
        .rewrite(terms(beta, multiplier), "π* sums to 1")
        .rewrite(beta * log(Z), "the value of λ")
    )


def closed_form_by_lagrange() -> Derivation:
    """arg max_π E_π[r - β log(π/ref)] = ref exp(r/β) / Z, by the second road. DPO-4, -7.

    What is found under the constraint Σπ = 1 alone is positive, so no other is needed.
    """
    return (
        begin("closed form by Lagrange", ArgMax(VALUE, policy(y)), WITH_MULTIPLIER)
        .attained(optimal(y), "where the bound is reached, a distribution", by=bound_by_terms())
        .rewrite(TILTED, "the definition of π*")
    )


RESULTS = (
    slope_of_a_term,
    stationary_probability,
    multiplier_of_the_sum,
    stationary_policy,
    no_better_probability,
    bound_by_terms,
    closed_form_by_lagrange,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Every distribution sums to 1, so λ - λ Σπ is 0 with any in the place of π.": (
        "value by terms, line 2: optimal for policy(y), place 4",
        "value by terms, line 2: reference for policy(y), place 3",
    ),
    "Every distribution sums to 1, so β Σπ* is β Σπ.": (
        "value by terms, line 3: policy for optimal(y)",
        "value by terms, line 3: reference for optimal(y)",
    ),
}
