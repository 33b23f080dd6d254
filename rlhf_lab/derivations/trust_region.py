"""TRPO's penalty form: the surrogate minus β times a KL between new and old policy.

At the first step of an update the penalty has no gradient, whatever β is: it acts only once the
policy has moved. The notes take KL[π_θ ‖ π_old], the papers KL[π_old ‖ π_θ]; both are here.
Schulman et al. 2017, "Proximal Policy Optimization Algorithms" (arXiv 1707.06347), Eq. 5.
"""

from sympy import Derivative, Integer, Sum, log

from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import beta, factors, terms, theta
from rlhf_lab.derivations.surrogate import (
    AT_THE_START,
    GRADIENT,
    LOG_SLOPE,
    NEW,
    OLD,
    RATIO,
    SAMPLES,
    A,
    K,
    a,
    over_states,
    under,
)

SLOPE = Derivative(NEW, theta)
PROBABILITIES_SUM_TO_ONE = "probabilities sum to 1, so their slopes sum to 0"


def penalty_gradient() -> Derivation:
    """∂/∂θ KL[π_θ ‖ π_old] = Σ_a log ρ ∂π_θ, for the notes' direction of the KL. PPO-13."""
    return (
        begin("gradient of the penalty", KL(NEW, OLD, a, K), SAMPLES)
        .differentiate(
            theta, "the product rule", Sum(factors(terms(log(RATIO), 1), SLOPE), (a, 1, K))
        )
        .rewrite(Sum(factors(log(RATIO), SLOPE), (a, 1, K)), PROBABILITIES_SUM_TO_ONE)
    )


def penalty_at_the_start() -> Derivation:
    """At θ = θ_old the penalty KL[π_θ ‖ π_old] has gradient 0. PPO-13."""
    start = begin("penalty at the start", penalty_gradient().end, AT_THE_START, GRADIENT)
    return start.rewrite(Integer(0), "every ratio is 1, and log 1 = 0")


def papers_penalty_gradient() -> Derivation:
    """∂/∂θ KL[π_old ‖ π_θ] = -Σ_a ∂π_θ / ρ, for the papers' direction of the KL. PPO-13."""
    return begin("gradient of the paper's penalty", KL(OLD, NEW, a, K), SAMPLES).differentiate(
        theta, "only π in the denominator moves", -Sum(SLOPE / RATIO, (a, 1, K))
    )


def papers_penalty_at_the_start() -> Derivation:
    """At θ = θ_old the penalty KL[π_old ‖ π_θ] has gradient 0 too. PPO-13."""
    end = papers_penalty_gradient().end
    start = begin("paper's penalty at the start", end, AT_THE_START, GRADIENT)
    return start.rewrite(Integer(0), f"every ratio is 1; {PROBABILITIES_SUM_TO_ONE}")


def penalised_gradient() -> Derivation:
    """∂/∂θ E_s[E_old[ρ A] - β KL[π_θ ‖ π_old]] = E_s[Σ_a (A - β log ρ) ∂π_θ]. PPO-13."""
    gain, penalty = under(OLD, factors(RATIO, A)), KL(NEW, OLD, a, K)
    slopes = Sum(factors(terms(A, -beta * log(RATIO)), SLOPE), (a, 1, K))
    start = begin("TRPO objective", over_states(terms(gain, -beta * penalty)), SAMPLES)
    return start.differentiate(theta, "the gradients of surrogate and penalty", over_states(slopes))


def penalised_gradient_at_the_start() -> Derivation:
    """At θ = θ_old TRPO's penalty form has the surrogate's gradient, for every β. PPO-13.

    It is the policy gradient if A is Q - b of the old policy and the states are those it visits.
    """
    end = penalised_gradient().end
    return (
        begin("TRPO objective at the start", end, AT_THE_START, GRADIENT)
        .rewrite(over_states(Sum(factors(A, SLOPE), (a, 1, K))), "every ratio is 1, and log 1 = 0")
        .rewrite(over_states(under(NEW, factors(A, LOG_SLOPE))), "∂u = u ∂ log u")
    )


RESULTS = (
    penalty_gradient,
    penalty_at_the_start,
    papers_penalty_gradient,
    papers_penalty_at_the_start,
    penalised_gradient,
    penalised_gradient_at_the_start,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "The slopes sum to 0, so any number beside log ρ adds nothing; log 2ρ is log 2 + log ρ.": (
        "gradient of the penalty, line 2: without 1: log(ratio(a, s, theta)) + 1",
        "gradient of the penalty, line 2: twice ratio(a, s, theta)",
        "gradient of the penalty, line 2: sign of 1",
        "gradient of the penalty, line 2: twice 1",
        "gradient of the penalty, line 2: square of 1",
        "gradient of the penalty, line 3: twice ratio(a, s, theta)",
        "TRPO objective, line 2: twice ratio(a, s, theta)",
    ),
    "log 2π and log π have one derivative.": (
        "TRPO objective at the start, line 3: twice policy(a, s, theta)",
    ),
}
