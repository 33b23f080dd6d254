"""KTO: what a response's thumbs ask of its implicit reward.

u = r̂ - z is the implicit reward above the reference point. A thumb up is worth λ_D σ(u), a thumb
down λ_U σ(-u); KTO makes their mean large. Ethayarajh et al. 2024 (arXiv 2402.01306), Eq. 8.
"""

from sympy import Eq, Expr, Integer, Symbol, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, terms

u = Symbol("u", real=True)
ups, downs = symbols("k w", integer=True, positive=True)
good, bad, gap = symbols("lambda_D lambda_U gap", positive=True)
THUMBS = Given(
    statement="One response with k thumbs up and w thumbs down. The policy is free to give it any "
    "u; the reference point z is a number."
)
MAJORITY = Given(
    definitions=(Eq(good, (downs * bad + gap) / ups, evaluate=False),),
    statement=f"{THUMBS.statement} Weighed, the thumbs up are more: k λ_D = w λ_U + gap, with a "
    "positive gap.",
)


def value() -> Expr:
    """k λ_D σ(u) + w λ_U σ(-u)."""
    return terms(factors(ups, good, Sigmoid(u)), factors(downs, bad, Sigmoid(-u)))


def slope_of_thumbs() -> Derivation:
    """The slope of k λ_D σ(u) + w λ_U σ(-u) along u is (k λ_D - w λ_U) σ(u) σ(-u).

    Its sign does not depend on u.
    """
    weights = terms(factors(ups, good), factors(-1, downs, bad))
    return begin("slope of thumbs", value(), THUMBS).differentiate(
        u, "the slope of σ(u) is σ(u) σ(-u)", factors(weights, Sigmoid(u), Sigmoid(-u))
    )


def majority_of_thumbs() -> Derivation:
    """Where k λ_D is above w λ_U the slope is above 0 at every u: no finite reward is best.

    The two kinds of thumbs change places with u and -u, so that a majority of thumbs down is the
    same case.
    """
    slope = factors(gap, Sigmoid(u), Sigmoid(-u))
    return (
        begin("majority of thumbs", value(), MAJORITY)
        .differentiate(u, "the difference of the weights is the gap", slope)
        .above(Integer(0), "every factor is positive")
    )


RESULTS = (slope_of_thumbs, majority_of_thumbs)
