"""The reward that a policy implies: the closed form turned round (step 2 of DPO).

Rafailov et al. 2023 (arXiv 2305.18290), Eq. 5 and section 5.1.
"""

from dataclasses import replace

from sympy import Eq, Lambda, Sum, Symbol, exp, log

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    TILTED,
    N,
    Z,
    beta,
    factors,
    optimal,
    over,
    reference,
    reward,
    t,
    terms,
    y,
)


def reward_from_policy() -> Derivation:
    """r = β log(π*/ref) + β log Z: step 2. DPO-1, -9, -18, RM-4; Eq. 5.

    Z(x) itself depends on r, so this does not find r from π* alone: it fixes r up to a term in x.
    """
    tilt = log(reference(y)) + reward(y) / beta - log(Z)
    solution = terms(beta * log(optimal(y) / reference(y)), beta * log(Z))
    return (
        begin("reward from policy", Eq(optimal(y), TILTED, evaluate=False), ONE_PROMPT, "step 1")
        .both_sides(
            Eq(log(optimal(y)), tilt, evaluate=False), "the logarithm", through=Lambda(t, log(t))
        )
        .solve(Eq(reward(y), solution, evaluate=False), "solve for r")
    )


def same_policy() -> Derivation:
    """Rewards that differ by f(x) have one optimal policy. DPO-9; Lemma 2 of the paper."""
    shift, shifted_Z = Symbol("f", real=True), Symbol("Z_f", positive=True)
    shifted = exp(terms(reward(y), shift) / beta)
    whole = Sum(reference(y) * shifted, (y, 1, N))
    definitions = (*ONE_PROMPT.definitions, Eq(shifted_Z, whole, evaluate=False))
    given = replace(ONE_PROMPT, definitions=definitions)
    common = exp(shift / beta)
    return (
        begin("one policy for r and r + f", reference(y) * shifted / shifted_Z, given)
        .rewrite(
            factors(reference(y), exp(reward(y) / beta), over(common, factors(common, Z))),
            "exp(f/β) is the same for every y, so it leaves the sum",
        )
        .rewrite(TILTED, "it cancels")
        .rewrite(optimal(y), "the policy of r")
    )


RESULTS = (reward_from_policy, same_policy)
