"""Near the reference the mean of k2 is the KL to second order: value 0, slope 0, curvature F.

E[k2] = E[k1² / 2] is not the KL (see `kl_estimators`), but the difference is of third order in the
step. The old policy of `fisher` stands for the reference here.
"""

from sympy import Integer, Rational

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.fisher import (
    AT_OLD,
    CURVE,
    FISHER,
    NEW,
    OLD,
    ONE_STATE,
    SLOPE,
    THERE,
    k1,
    over_actions,
    value,
)
from rlhf_lab.derivations.notation import factors, over, terms, theta
from rlhf_lab.derivations.surrogate import under

K2 = factors(Rational(1, 2), k1**2)
BRACKET = terms(K2, k1)


def value_of_k2() -> Derivation:
    """E[k2] = 0 at θ = θ_old. RLHF-9."""
    return value("mean of k2 at the start", under(NEW, K2))


def slope_of_k2() -> Derivation:
    """The slope of E[k2] is Σ (k1²/2 + k1) ∂π, which is 0 at θ = θ_old. RLHF-9."""
    return with_slope("slope of k2").value_at(Integer(0), "log 1 = 0", **AT_OLD)


def with_slope(name: str) -> Derivation:
    """∂E[k2] = Σ (k1²/2 + k1) ∂π."""
    return begin(name, under(NEW, K2), ONE_STATE).differentiate(
        theta, "the product rule; π ∂k1 = ∂π", over_actions(factors(BRACKET, SLOPE))
    )


def curvature_of_k2() -> Derivation:
    """The second derivative of E[k2] at θ = θ_old is F, as that of both KLs. RLHF-9."""
    bent = terms(factors(BRACKET, CURVE), factors(terms(k1, 1), over(SLOPE**2, NEW)))
    return (
        with_slope("curvature of k2")
        .differentiate(theta, "the product rule; ∂k1 = ∂π/π", over_actions(bent))
        .value_at(over_actions(over(THERE**2, OLD)), "log 1 = 0", **AT_OLD)
        .rewrite(FISHER, "∂π = π ∂ log π")
    )


RESULTS = (value_of_k2, slope_of_k2, curvature_of_k2)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "curvature of k2, line 5: twice policy(a, s, theta_old)",
    ),
    "1² = 1 and (-u)² = u².": (
        "curvature of k2, line 3: square of 1",
        "curvature of k2, line 3: sign of Derivative(policy(a, s, theta), theta)",
        "curvature of k2, line 3: sign of policy(a, s, theta), place 2",
        "curvature of k2, line 4: sign of policy(a, s, theta_old)",
        "curvature of k2, line 5: sign of log(policy(a, s, theta_old))",
    ),
}
