"""DAPO: GRPO with a mean over all tokens of the group, and a clip that is higher above.

Code often takes the mean over the batch. Yu et al. 2025, "DAPO" (arXiv 2503.14476), Eq. 8, 10, 12.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Expr, Function, Min, Sum, Symbol, symbols

from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.clipping import A, rho, s, size, u
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import GROUP, G, i, j
from rlhf_lab.derivations.grpo import tokens
from rlhf_lab.derivations.notation import factors, over, theta
from rlhf_lab.derivations.policy_gradient import t

low, more = symbols("epsilon_low more", positive=True)
high = Symbol("epsilon_high", positive=True)
surrogate = Function("surrogate", real=True)(t, i)
OF_ANY_LENGTHS = replace(GROUP, statement="G responses of any lengths.")
BETWEEN_THE_CLIPS = Given(
    definitions=(
        Eq(high, low + more, evaluate=False),
        Eq(A, size, evaluate=False),
        Eq(rho, ((1 + low) * s + (1 + high) * u) / (s + u), evaluate=False),
    ),
    statement="One action of a positive advantage. Its ratio lies between 1 + ε low, where GRPO "
    "stops it, and 1 + ε high: a mean of both with positive weights, at θ and near it.",
)


def asymmetric() -> Expr:
    """min(ρ Â, clip(ρ, 1-ε_low, 1+ε_high) Â)."""
    return Min(factors(rho, A), factors(Clip(rho, 1 - low, 1 + high), A))


def mean_over_all_tokens() -> Derivation:
    """Σ_i Σ_t f / Σ_i |o_i| is the mean of the responses' own means, weighed by their lengths.

    In GRPO each of those means counts 1/G. Eq. 12.
    """
    lengths = Sum(tokens(j), (j, 1, G))
    own_mean = factors(1 / tokens(i), Sum(surrogate, (t, 1, tokens(i))))
    whole = Sum(Sum(surrogate, (t, 1, tokens(i))), (i, 1, G))
    return begin("mean over all tokens", over(whole, lengths), OF_ANY_LENGTHS).rewrite(
        Sum(factors(over(tokens(i), lengths), own_mean), (i, 1, G)),
        "the length of a response times its mean is its sum",
    )


def between_the_clips() -> Derivation:
    """Â > 0, 1+ε_low < ρ < 1+ε_high: ρ Â, slope Â ∂ρ: the token is not stopped yet. Eq. 10."""
    return (
        begin("between the clips", asymmetric(), BETWEEN_THE_CLIPS)
        .rewrite(factors(rho, A), "the ratio is below its upper clip, so its clip is the ratio")
        .differentiate(theta, "the advantage is a number", factors(A, Derivative(rho, theta)))
    )


RESULTS = (mean_over_all_tokens, between_the_clips)
