"""The printed errors of the course notes on DPO, as steps that the checker refuses.

Each function in REFUSED builds the step as it was printed, and so raises DerivationError with a
point where the two sides differ. The corrected forms are in `optimal_policy` and `dpo`.
"""

from collections.abc import Callable
from dataclasses import replace

from sympy import Derivative, Eq, Expr, Sum, Symbol, exp, log, sqrt

from rlhf_lab.derivations import notes_kl, notes_policy_gradient, notes_ppo, notes_preferences
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation, Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.dpo import gradient, loss
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
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
    theta,
    y,
    y_l,
    y_w,
)
from rlhf_lab.derivations.optimal_policy import PENALISED, VALUE, closed_form

Z_printed = Symbol("Z_printed", positive=True)
TWICE = reference(y) * exp(PENALISED / beta)
WITH_PRINTED_Z = replace(
    ONE_PROMPT,
    definitions=(
        *ONE_PROMPT.definitions,
        Eq(Z_printed, Sum(TWICE, (y, 1, N)), evaluate=False),
    ),
)


def penalty_inside_the_reward() -> Derivation:
    """DPO-7 as printed: π* = ref exp(r/β) / Z with r = r_φ - β log(π/ref). Refused.

    The penalty stands in the objective already; here it is counted twice.
    """
    right = closed_form().at({}, WITH_PRINTED_Z)
    return right.rewrite(TWICE / Z_printed, "the notes: the penalised reward put in")


def doubled_beta() -> Derivation:
    """Where the penalty in the reward leads: π = ref exp(r_φ/(2β)) / √Z, the policy of twice the β.

    If π is to equal the printed formula, which itself contains π, this is the only solution, for
    whatever positive number Z normalises.
    """
    asked = Given(statement="π and Z(x) are to be found: here π* is whatever solves the equation.")
    squared = over(reference(y) ** 2 * exp(reward(y) / beta), factors(policy(y), Z))
    solution = reference(y) * exp(reward(y) / (2 * beta)) / sqrt(Z)
    return (
        begin(
            "penalty counted twice",
            Eq(policy(y), TWICE / Z, evaluate=False),
            asked,
            "the notes' formula, with π on both sides",
        )
        .rewrite(Eq(policy(y), squared, evaluate=False), "exp of -log u is 1/u")
        .solve(Eq(policy(y), solution, evaluate=False), "solve for π")
    )


def loss_of_the_optimal_policy() -> Derivation:
    """DPO-11 as printed: the loss with π* where π_θ belongs. Refused."""
    return loss().rewrite(-log(Sigmoid(margin(y_w, y_l))), "the notes: π* in the loss")


def gradient_of_the_optimal_policy() -> Derivation:
    """DPO-12 as printed: the gradient's weight with π* where π_θ belongs. Refused."""
    chosen, rejected = (Derivative(log(policy(i, theta)), theta) for i in (y_w, y_l))
    printed = factors(-beta, Sigmoid(margin(y_l, y_w)), terms(chosen, -rejected))
    return gradient().rewrite(printed, "the notes: π* in the implicit reward")


def margin(first: Expr, second: Expr) -> Expr:
    """β log π*/ref (first) - β log π*/ref (second)."""
    one, other = (log(optimal(i) / reference(i)) for i in (first, second))
    return terms(beta * one, -beta * other)


def max_equals_min() -> Derivation:
    """DPO-15, lines 1 and 2 as printed: max [...] = min [...]. Refused.

    The two objectives are best at one policy, but they are not equal: their ratio is -β.
    """
    ratio = log(policy(y) / reference(y))
    second = Expectation(terms(ratio, -reward(y) / beta), policy(y), y, N)
    return begin("max = min", VALUE, ONE_PROMPT).rewrite(second, "the notes: an equals sign")


def log_partition_dropped() -> Derivation:
    """DPO-15, lines 6 and 7 as printed: min {KL - log Z} = min KL. Refused: log Z is missing."""
    to_optimal = KL(policy(y), optimal(y), y, N)
    start = begin("log Z dropped", terms(to_optimal, -log(Z)), ONE_PROMPT)
    return start.rewrite(to_optimal, "the notes: an equals sign")


REFUSED: dict[str, tuple[Callable[[], Derivation], ...]] = {
    **notes_preferences.REFUSED,
    **notes_kl.REFUSED,
    **notes_ppo.REFUSED,
    **notes_policy_gradient.REFUSED,
    "DPO-7": (penalty_inside_the_reward,),
    "DPO-11": (loss_of_the_optimal_policy,),
    "DPO-12": (gradient_of_the_optimal_policy,),
    "DPO-15": (max_equals_min, log_partition_dropped),
}


RESULTS = (doubled_beta,)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "(-ref)² = ref².": ("penalty counted twice, line 2: sign of reference(y)",),
}
