"""Near the old policy both directions of the KL are one parabola, of the Fisher information.

In one state, any number K of actions, along one parameter θ: both have the value 0 and the slope 0
at θ = θ_old, and the second derivative F = E[(∂ log π)²]. θ may as well be the length of a step
along any direction u of all parameters; then F is the number uᵀ E[∂ log π ∂ log πᵀ] u, and as u is
any direction, the whole matrix of second derivatives is the Fisher matrix E[∂ log π ∂ log πᵀ].
Schulman et al. 2015, "Trust Region Policy Optimization" (arXiv 1502.05477), appendix C.
"""

from sympy import Derivative, Eq, Expr, Function, Integer, Sum, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, over, terms, theta
from rlhf_lab.derivations.surrogate import NEW, OLD, K, a, s, theta_old, under

LOG_RATIO = log(NEW / OLD)
k1 = Function("k1", real=True)(a, s, theta)
ONE_STATE = Given(
    ranges=((a, 1, K),),
    definitions=(Eq(k1, LOG_RATIO, evaluate=False),),
    distributions=(NEW,),
    statement="One state s, actions a = 1 to K, all of positive probability; θ is any one "
    "parameter of the policy. k1 stands for log π_θ/π_old.",
)
TO_OLD, FROM_OLD = KL(NEW, OLD, a, K), KL(OLD, NEW, a, K)
SLOPE, CURVE = Derivative(NEW, theta), Derivative(NEW, (theta, 2))
AT_OLD = {"letter": theta, "value": theta_old}
THERE = Derivative(OLD, theta_old)
FISHER = under(OLD, Derivative(log(OLD), theta_old) ** 2)
SUM_TO_ONE = "probabilities sum to 1, so their slopes sum to 0"


def over_actions(body: Expr) -> Sum:
    """Σ_a of the body."""
    return Sum(body, (a, 1, K))


def kl_as_expectation() -> Derivation:
    """KL[π_θ ‖ π_old] = E[log π_θ/π_old] over actions drawn from π_θ. PPO-12."""
    return begin("KL to the old policy", TO_OLD, ONE_STATE).rewrite(
        under(NEW, LOG_RATIO), "the definition: a mean over actions as π draws them"
    )


def other_kl_as_expectation() -> Derivation:
    """KL[π_old ‖ π_θ] = -E[log π_θ/π_old] over actions of π_old, as in TRPO and PPO. PPO-12."""
    return begin("KL from the old policy", FROM_OLD, ONE_STATE).rewrite(
        -under(OLD, LOG_RATIO), "the fraction turned over: the samples at hand are the old ones"
    )


def value_to_old() -> Derivation:
    """KL[π_θ ‖ π_old] = 0 at θ = θ_old. PPO-12."""
    return value("KL to the old policy at the start", TO_OLD)


def value_from_old() -> Derivation:
    """KL[π_old ‖ π_θ] = 0 at θ = θ_old. PPO-12."""
    return value("KL from the old policy at the start", FROM_OLD)


def value(name: str, measure: Expr) -> Derivation:
    """What measures the distance is 0 at θ = θ_old."""
    return begin(name, measure, ONE_STATE).value_at(Integer(0), "log 1 = 0", **AT_OLD)


def slope_to_old() -> Derivation:
    """The slope of KL[π_θ ‖ π_old] is Σ k1 ∂π, which is 0 at θ = θ_old. PPO-12."""
    return (
        begin("slope to old", TO_OLD, ONE_STATE)
        .differentiate(theta, "the product rule", over_actions(factors(terms(k1, 1), SLOPE)))
        .rewrite(over_actions(factors(k1, SLOPE)), SUM_TO_ONE)
        .value_at(Integer(0), "log 1 = 0", **AT_OLD)
    )


def slope_from_old() -> Derivation:
    """The slope of KL[π_old ‖ π_θ] is -Σ π_old/π_θ ∂π, 0 at θ = θ_old. PPO-12."""
    return (
        begin("slope from old", FROM_OLD, ONE_STATE)
        .differentiate(
            theta, "only the second policy moves", -over_actions(factors(over(OLD, NEW), SLOPE))
        )
        .value_at(Integer(0), f"the ratio is 1; {SUM_TO_ONE}", **AT_OLD)
    )


def curvature_to_old() -> Derivation:
    """The second derivative of KL[π_θ ‖ π_old] at θ = θ_old is F. PPO-12."""
    bent = terms(factors(k1, CURVE), over(SLOPE**2, NEW))
    return (
        begin("curvature to old", TO_OLD, ONE_STATE)
        .differentiate(theta, SUM_TO_ONE, over_actions(factors(k1, SLOPE)))
        .differentiate(theta, "the product rule", over_actions(bent))
        .value_at(over_actions(over(THERE**2, OLD)), "log 1 = 0", **AT_OLD)
        .rewrite(FISHER, "∂π = π ∂ log π")
    )


def curvature_from_old() -> Derivation:
    """The second derivative of KL[π_old ‖ π_θ] at θ = θ_old is F. PPO-12."""
    ratio = over(OLD, NEW)
    bent = terms(over(SLOPE**2, NEW), -CURVE)
    return (
        begin("curvature from old", FROM_OLD, ONE_STATE)
        .differentiate(theta, "only the second policy moves", -over_actions(factors(ratio, SLOPE)))
        .differentiate(theta, "the slope of 1/π is -∂π/π²", over_actions(factors(ratio, bent)))
        .value_at(
            over_actions(over(THERE**2, OLD)),
            "the ratio is 1; second derivatives of probabilities sum to 0 as well",
            **AT_OLD,
        )
        .rewrite(FISHER, "∂π = π ∂ log π")
    )


RESULTS = (
    kl_as_expectation,
    other_kl_as_expectation,
    value_to_old,
    slope_to_old,
    curvature_to_old,
    value_from_old,
    slope_from_old,
    curvature_from_old,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Any number may stand where the 1 stands: the slopes sum to 0.": (
        "slope to old, line 2: without 1: k1(a, s, theta) + 1",
        "slope to old, line 2: sign of 1",
        "slope to old, line 2: twice 1",
        "slope to old, line 2: square of 1",
    ),
    "(-u)² = u², and log 2π has the derivative of log π.": (
        "curvature to old, line 3: sign of Derivative(policy(a, s, theta), theta)",
        "curvature to old, line 3: sign of policy(a, s, theta), place 2",
        "curvature to old, line 4: sign of policy(a, s, theta_old)",
        "curvature to old, line 5: sign of log(policy(a, s, theta_old))",
        "curvature to old, line 5: twice policy(a, s, theta_old)",
        "curvature from old, line 3: sign of Derivative(policy(a, s, theta), theta)",
        "curvature from old, line 3: sign of policy(a, s, theta)",
        "curvature from old, line 4: sign of policy(a, s, theta_old)",
        "curvature from old, line 5: sign of log(policy(a, s, theta_old))",
        "curvature from old, line 5: twice policy(a, s, theta_old)",
    ),
}
