"""The surrogate objective of TRPO and PPO: old samples, weighted by the probability ratio.

Any number S of states s (the text so far), any number K of actions a (tokens). States and actions
were drawn with the old parameters, and only the ratio ρ knows the new ones.
Schulman et al. 2017, "Proximal Policy Optimization Algorithms" (arXiv 1707.06347), Eq. 1 and 3.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Expr, Function, Integer, Sum, exp, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, over, policy, theta

K, S, a, s = symbols("K S a s", integer=True, positive=True)
theta_old = symbols("theta_old", real=True)
advantage = Function("advantage", real=True)
visited = Function("visited", positive=True)
ratio = Function("ratio", positive=True)

NEW, OLD, A = policy(a, s, theta), policy(a, s, theta_old), advantage(s, a)
RATIO = ratio(a, s, theta)
LOG_SLOPE = Derivative(log(NEW), theta)
SAMPLES = Given(
    ranges=((a, 1, K), (s, 1, S)),
    definitions=(Eq(RATIO, over(NEW, OLD), evaluate=False),),
    distributions=(NEW, visited(s)),
    statement="States s = 1 to S as the old policy visits them, actions a = 1 to K in each, "
    "all of positive probability. The advantages are numbers: they do not depend on θ, which is "
    "any one parameter of the policy.",
)
AT_THE_START = replace(
    SAMPLES,
    definitions=(Eq(theta_old, theta, evaluate=False), *SAMPLES.definitions),
    statement="The first step of an update: θ is still θ_old.",
)
GRADIENT = "the gradient, at θ = θ old"


def under(probability: Expr, body: Expr) -> Expectation:
    """The mean over the actions in one state."""
    return Expectation(body, probability, a, K)


def over_states(body: Expr) -> Expectation:
    """The mean over the states that the old policy visits."""
    return Expectation(body, visited(s), s, S)


def ratio_from_logs() -> Derivation:
    """ρ = π_θ/π_old = exp(log π_θ - log π_old), as the code has it. PPO-8."""
    return (
        begin("ratio", RATIO, SAMPLES)
        .rewrite(over(NEW, OLD), "the definition of ρ")
        .rewrite(
            exp(log(NEW) - log(OLD), evaluate=False), "u = exp log u, and the log of a fraction"
        )
    )


def ratio_at_the_start() -> Derivation:
    """At θ = θ_old every ratio is 1. PPO-8."""
    return (
        begin("ratio at the start", RATIO, AT_THE_START, "the ratio, at θ = θ old")
        .rewrite(over(NEW, OLD), "the definition of ρ")
        .rewrite(Integer(1), "one policy above and below")
    )


def mean_ratio() -> Derivation:
    """E_old[ρ] = 1: what some actions gain in weight, others lose. PPO-8."""
    return begin("mean ratio", under(OLD, RATIO), SAMPLES).rewrite(
        Integer(1), "the old probability cancels, and the new ones sum to 1"
    )


def ratio_slope() -> Derivation:
    """∂ρ/∂θ = ρ ∂ log π_θ/∂θ. PPO-8."""
    return (
        begin("slope of the ratio", RATIO, SAMPLES)
        .differentiate(theta, "the old policy is fixed", Derivative(NEW, theta) / OLD)
        .rewrite(factors(RATIO, LOG_SLOPE), "∂u = u ∂ log u")
    )


def importance_sampling() -> Derivation:
    """E_old[ρ A] = E_π[A]: old samples stand in for new ones, exactly in the mean. PPO-8."""
    return (
        begin("importance sampling", under(OLD, factors(RATIO, A)), SAMPLES)
        .rewrite(Sum(factors(NEW, A), (a, 1, K)), "the old probability cancels in each term")
        .rewrite(under(NEW, A), "a mean under the new policy")
    )


def surrogate_gradient() -> Derivation:
    """∂/∂θ E_old[ρ A] = E_old[ρ A ∂ log π_θ], at any θ. PPO-13."""
    slopes = Sum(factors(A, Derivative(NEW, theta)), (a, 1, K))
    return (
        begin("gradient of the surrogate", over_states(under(OLD, factors(RATIO, A))), SAMPLES)
        .differentiate(theta, "states, old policy and advantages are fixed", over_states(slopes))
        .rewrite(over_states(under(OLD, factors(RATIO, A, LOG_SLOPE))), "∂u = u ∂ log u")
    )


def surrogate_gradient_at_the_start() -> Derivation:
    """At θ = θ_old the surrogate's gradient is E_π[A ∂ log π_θ]. PPO-13.

    It is the policy gradient if A is Q - b of the old policy and the states are those it visits.
    """
    start = begin("surrogate at the start", surrogate_gradient().end, AT_THE_START, GRADIENT)
    return start.rewrite(over_states(under(NEW, factors(A, LOG_SLOPE))), "every ratio is 1")


RESULTS = (
    ratio_from_logs,
    ratio_at_the_start,
    mean_ratio,
    ratio_slope,
    importance_sampling,
    surrogate_gradient,
    surrogate_gradient_at_the_start,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "slope of the ratio, line 3: twice policy(a, s, theta)",
        "gradient of the surrogate, line 3: twice policy(a, s, theta)",
        "surrogate at the start, line 2: twice policy(a, s, theta)",
    ),
    "log ρ and log π have one derivative: the old policy is fixed.": (
        "slope of the ratio, line 3: ratio for policy(a, s, theta)",
        "gradient of the surrogate, line 3: ratio for policy(a, s, theta)",
    ),
    "At the start θ is θ_old, and the ratio is 1 = 1².": (
        "ratio at the start, line 2: square of policy(a, s, theta)/policy(a, s, theta_old)",
        "ratio at the start, line 2: theta_old for theta",
        "ratio at the start, line 2: theta and theta_old exchanged",
        "surrogate at the start, line 2: theta_old for theta",
        "surrogate at the start, line 2: theta_old for theta, place 2",
    ),
    "Where θ is θ_old the ratio is 1, so Σ ratio(θ_old) π A ∂ log ρ is Σ π A ∂ log π.": (
        "gradient of the surrogate, line 3: policy and ratio exchanged",
    ),
}
