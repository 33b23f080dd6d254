"""How far k1 and k3 spread around the KL that both have as their mean.

χ² stands for Σ_y (ref - π)² / π, J for KL[π ‖ ref] + KL[ref ‖ π]. Any number N of outcomes y;
`kl_estimators` has the means.
"""

from dataclasses import replace

from sympy import Eq, log, symbols

from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.kl_estimators import (
    INVERSE,
    SAMPLED,
    TO_REFERENCE,
    k1,
    k3,
    kl,
    mean,
    over_outcomes,
    variance,
)
from rlhf_lab.derivations.notation import N, factors, over, policy, reference, terms, y

chi_squared, both_ways = symbols("chi_squared both_ways", real=True)
DIFFERENCE = terms(reference(y), -policy(y))
CHI_SQUARED = over_outcomes(over(DIFFERENCE**2, policy(y)))
BOTH_WAYS = terms(TO_REFERENCE, KL(reference(y), policy(y), y, N))
SPREAD = replace(
    SAMPLED,
    definitions=(
        *SAMPLED.definitions,
        Eq(chi_squared, CHI_SQUARED, evaluate=False),
        Eq(both_ways, BOTH_WAYS, evaluate=False),
    ),
)


def k1_variance() -> Derivation:
    """Var[k1] = E[k1²] - KL². RLHF-9."""
    return (
        begin("variance of k1", variance(k1), SPREAD)
        .rewrite(
            mean(terms(k1**2, factors(-2, kl, k1), kl**2)),
            "the square of a difference",
        )
        .rewrite(terms(mean(k1**2), -(kl**2)), "the mean of k1 is KL")
    )


def k3_second_moment() -> Derivation:
    """E[k3²] = E[k1²] + χ² - 2 J. RLHF-9."""
    excess = terms(INVERSE, -1)
    cross = over_outcomes(factors(DIFFERENCE, log(INVERSE)))
    return (
        begin("second moment of k3", mean(k3**2), SPREAD)
        .rewrite(mean(terms(excess, k1) ** 2), "minus log(ref/π) is k1")
        .rewrite(
            terms(mean(k1**2), mean(excess**2), factors(2, mean(factors(excess, k1)))),
            "the square of a sum",
        )
        .rewrite(
            terms(mean(k1**2), chi_squared, factors(-2, cross)),
            "π times ref/π is ref",
        )
        .rewrite(
            terms(mean(k1**2), chi_squared, factors(-2, both_ways)),
            "ref log(ref/π) is one KL, π log(ref/π) is minus the other",
        )
    )


def k3_variance() -> Derivation:
    """Var[k3] = Var[k1] + χ² - 2 J. RLHF-9.

    So k3 spreads less than k1 where χ² is below 2 J, and more where it is above: where ref is far
    above π somewhere, χ² is large.
    """
    return (
        begin("variance of k3", variance(k3), SPREAD)
        .rewrite(terms(mean(k3**2), -(kl**2)), "the mean of k3 is KL")
        .substitute(
            terms(mean(k1**2), -(kl**2), chi_squared, factors(-2, both_ways)),
            "the second moment of k3",
            by=(k3_second_moment(),),
        )
        .rewrite(terms(variance(k1), chi_squared, factors(-2, both_ways)), "the variance of k1")
    )


RESULTS = (k1_variance, k3_second_moment, k3_variance)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Σ (ref - π) log 2 = 0: both distributions sum to 1.": (
        "second moment of k3, line 4: twice reference(y)/policy(y)",
        "second moment of k3, line 4: twice policy(y), place 2",
    ),
    "(-u)² = u².": (
        "variance of k1, line 2: sign of k1(y)",
        "variance of k1, line 3: sign of k1(y)",
        "second moment of k3, line 2: sign of (-1 + reference(y)/policy(y)) + k1(y)",
        "second moment of k3, line 3: sign of k1(y)",
        "second moment of k3, line 3: sign of -1 + reference(y)/policy(y)",
        "second moment of k3, line 4: sign of k1(y)",
        "second moment of k3, line 5: sign of k1(y)",
        "variance of k3, line 2: sign of k3(y)",
        "variance of k3, line 3: sign of k1(y)",
        "variance of k3, line 4: sign of -kl + k1(y)",
    ),
}
