"""The fixed point β ref/(λ - r) is where E_π[r] - β KL[ref ‖ π] is largest, and no other is.

One step, and a policy that can be any distribution over any number of responses. Not in the paper.
"""

from dataclasses import replace

from sympy import Eq, Function, Sum, Symbol, log

from rlhf_lab.derivations.checker.probability import KL, ArgMax, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import log_bound
from rlhf_lab.derivations.grpo_expected_gradient import WITH_REFERENCE
from rlhf_lab.derivations.grpo_fixed_points import lambda_
from rlhf_lab.derivations.notation import (
    N,
    beta,
    factors,
    over,
    policy,
    reference,
    reward,
    t,
    terms,
    y,
)

best = Symbol("J_G", real=True)
fixed = Function("fixed", positive=True)

OBJECTIVE = terms(
    Expectation(reward(y), policy(y), y, N), -beta * KL(reference(y), policy(y), y, N)
)
BEST = Expectation(reward(y), fixed(y), y, N) - beta * KL(reference(y), fixed(y), y, N)
FIXED = replace(
    WITH_REFERENCE,
    definitions=(
        Eq(reward(y), lambda_ - beta * reference(y) / fixed(y), evaluate=False),
        Eq(best, BEST, evaluate=False),
    ),
    distributions=(policy(y), reference(y), fixed(y)),
    statement="π_G is the distribution β ref/(λ - r); λ is the number for which it sums to 1. "
    "J_G is the objective there.",
)


def value_below_the_fixed_point() -> Derivation:
    """E_π[r] - β KL[ref ‖ π] is largest at π = β ref/(λ - r), and nowhere else."""
    ratio = policy(y) / fixed(y)
    loss = Sum(factors(reference(y), terms(ratio, -1, -log(ratio))), (y, 1, N))
    return (
        begin("value below the fixed point", OBJECTIVE, FIXED)
        .rewrite(
            terms(best, -beta * loss),
            "r is λ minus β times ref by the fixed point, and all three sum to 1",
        )
        .bounded(
            best,
            "log t ≤ t - 1 at t = π by the fixed point, for every y",
            by=log_bound().at({t: ratio}, FIXED),
            weight=-beta * reference(y),
            over=(y, 1, N),
        )
    )


def fixed_point_is_the_maximum() -> Derivation:
    """arg max_π E_π[r] - β KL[ref ‖ π] = β ref/(λ - r): GRPO with undivided advantages (Dr. GRPO).

    For any number of responses.
    """
    return (
        begin("the maximum of GRPO", ArgMax(OBJECTIVE, policy(y)), FIXED)
        .attained(
            fixed(y), "where the bound is reached, and only there", by=value_below_the_fixed_point()
        )
        .rewrite(over(beta * reference(y), lambda_ - reward(y)), "what the fixed point is")
    )


RESULTS = (value_below_the_fixed_point, fixed_point_is_the_maximum)
