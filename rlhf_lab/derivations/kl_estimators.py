"""Three estimators of KL[π ‖ ref] from samples of π, and what they are in the mean.

    k1 = log(π/ref)      k2 = k1² / 2      k3 = ref/π - 1 - log(ref/π)

Any number N of outcomes y. Schulman 2020, "Approximating KL divergence".
"""

from sympy import Eq, Expr, Function, Integer, Rational, Sum, Symbol, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import log_bound
from rlhf_lab.derivations.notation import N, factors, over, policy, reference, t, terms, y

k1, k2, k3 = (Function(name, real=True)(y) for name in ("k1", "k2", "k3"))
INVERSE = reference(y) / policy(y)
K3 = terms(INVERSE, -1, -log(INVERSE))
TO_REFERENCE = KL(policy(y), reference(y), y, N)
kl = Symbol("kl", real=True)
SAMPLED = Given(
    ranges=((y, 1, N),),
    definitions=(
        Eq(k1, log(policy(y) / reference(y)), evaluate=False),
        Eq(k2, k1**2 / 2, evaluate=False),
        Eq(k3, K3, evaluate=False),
        Eq(kl, TO_REFERENCE, evaluate=False),
    ),
    distributions=(policy(y), reference(y)),
    statement="Outcomes y = 1 to N, drawn from the policy, all of positive probability. "
    "KL stands for KL[π ‖ ref].",
)
HALF = Rational(1, 2)


def over_outcomes(body: Expr) -> Sum:
    """Σ_y of the body."""
    return Sum(body, (y, 1, N))


def mean(body: Expr) -> Expectation:
    """The mean over samples of the policy."""
    return Expectation(body, policy(y), y, N)


def variance(estimator: Expr) -> Expectation:
    """The variance of an estimator whose mean is KL[π ‖ ref]."""
    return mean(terms(estimator, -kl) ** 2)


def k1_mean() -> Derivation:
    """E[k1] = KL[π ‖ ref]. RLHF-9."""
    return begin("mean of k1", mean(k1), SAMPLED).rewrite(TO_REFERENCE, "the definition of both")


def k3_mean() -> Derivation:
    """E[k3] = KL[π ‖ ref]. RLHF-9, GRPO-7; Shao et al. 2024, Eq. 4."""
    return (
        begin("mean of k3", mean(k3), SAMPLED)
        .rewrite(mean(K3), "the definition of k3")
        .rewrite(
            terms(over_outcomes(reference(y)), -over_outcomes(policy(y)), -mean(log(INVERSE))),
            "term by term: π times ref/π is ref",
        )
        .rewrite(-mean(log(INVERSE)), "both distributions sum to 1")
        .rewrite(TO_REFERENCE, "minus the log of a fraction is that of the fraction turned over")
    )


def k3_is_never_negative() -> Derivation:
    """k3 ≥ 0 for every sample, and 0 only where π = ref. RLHF-9, GRPO-7."""
    return (
        begin("sign of k3", k3, SAMPLED)
        .rewrite(K3, "the definition of k3")
        .bounded(Integer(0), "log t ≤ t - 1 at t = ref/π", by=log_bound().at({t: INVERSE}, SAMPLED))
    )


def k2_mean() -> Derivation:
    """E[k2] = (KL² + Var[k1]) / 2, which is not KL. RLHF-9."""
    return (
        begin("mean of k2", mean(k2), SAMPLED)
        .rewrite(factors(HALF, mean(k1**2)), "the definition of k2")
        .rewrite(
            factors(HALF, terms(kl**2, variance(k1))),
            "a mean square is the square of the mean, plus the variance",
        )
    )


def k2_bias() -> Derivation:
    """E[k2] - KL = (KL² + Var[k1] - 2 KL) / 2. RLHF-9; to second order: `fisher_k2`."""
    bias = terms(kl**2, variance(k1), factors(-2, kl))
    return begin("bias of k2", terms(mean(k2), -kl), SAMPLED).substitute(
        factors(HALF, bias), "the mean of k2, minus KL", by=(k2_mean(),)
    )


def reversed_k1_mean() -> Derivation:
    """With the fraction the wrong way round "k1" has mean -KL[π ‖ ref]. RLHF-9."""
    return begin("k1 the wrong way round", mean(log(INVERSE)), SAMPLED).rewrite(
        -TO_REFERENCE, "a fraction turned over changes the sign of its log"
    )


def reversed_k3_mean() -> Derivation:
    """With the fraction the wrong way round "k3" has mean χ²(π ‖ ref) - KL[π ‖ ref]. RLHF-9."""
    ratio = policy(y) / reference(y)
    chi_squared = over_outcomes(over(terms(policy(y), -reference(y)) ** 2, reference(y)))
    return (
        begin("k3 the wrong way round", mean(terms(ratio, -1, -log(ratio))), SAMPLED)
        .rewrite(
            terms(over_outcomes(over(policy(y) ** 2, reference(y))), -1, -kl),
            "term by term; the policy sums to 1",
        )
        .rewrite(
            terms(chi_squared, -kl),
            "the square of a difference; both distributions sum to 1",
        )
    )


RESULTS = (
    k1_mean,
    k3_mean,
    k3_is_never_negative,
    k2_mean,
    k2_bias,
    reversed_k1_mean,
    reversed_k3_mean,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Both distributions sum to 1, and 1² = 1; so E[ref/π - 1] and E[ref/ref - 1] are both 0.": (
        "mean of k3, line 2: reference for policy(y)",
        "mean of k3, line 3: square of Sum(reference(y), (y, 1, N))",
        "mean of k3, line 3: policy for reference(y)",
        "mean of k3, line 3: without Sum(policy(y), (y, 1, N)): -Sum(policy(y), (y, 1, N))",
        "mean of k3, line 3: square of Sum(policy(y), (y, 1, N))",
    ),
    "(-u)² = u².": (
        "mean of k2, line 3: sign of kl",
        "mean of k2, line 3: sign of -kl + k1(y)",
        "bias of k2, line 2: sign of kl",
        "bias of k2, line 2: sign of -kl + k1(y)",
        "k3 the wrong way round, line 2: sign of policy(y)",
        "k3 the wrong way round, line 3: sign of policy(y) - reference(y)",
    ),
}
