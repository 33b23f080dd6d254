"""The KL of pairs is the KL of their first parts plus the mean KL of their second parts.

Any numbers of outcomes. This is one step of the chain rule for the KL (see `kl_chain`).
Cover and Thomas 2006, "Elements of Information Theory", theorem 2.5.3.
"""

from sympy import Expr, Sum, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import p, q
from rlhf_lab.derivations.notation import factors, over, terms
from rlhf_lab.derivations.token_sums import LOG_RATIO, TOKEN_KL, A, a, p_next, q_next, s

S = symbols("S", integer=True, positive=True)
TWO_STAGES = Given(
    ranges=((a, 1, A), (s, 1, S)),
    distributions=(p(s), q(s), p_next(a, s), q_next(a, s)),
    statement="First s = 1 to S, then a = 1 to A, whose distribution depends on s, "
    "all of positive probability.",
)


def two_stages() -> Derivation:
    """KL of pairs (s, a) = KL of s + mean over s of the KL of a given s. RLHF-9."""
    joint = log(over(factors(p(s), p_next(a, s)), factors(q(s), q_next(a, s))))
    first = factors(p(s), log(p(s) / q(s)), Sum(p_next(a, s), (a, 1, A)))
    second = factors(p(s), Sum(p_next(a, s) * LOG_RATIO, (a, 1, A)))
    return (
        begin("two stages", over_pairs(joint), TWO_STAGES, "the KL of pairs")
        .rewrite(
            over_pairs(terms(log(p(s) / q(s)), LOG_RATIO)), "the logarithm of a product is a sum"
        )
        .rewrite(
            terms(Sum(first, (s, 1, S)), Sum(second, (s, 1, S))),
            "what does not depend on a leaves the sum over a",
        )
        .rewrite(
            terms(KL(p(s), q(s), s, S), Expectation(TOKEN_KL, p(s), s, S)),
            "for every s the probabilities of a sum to 1",
        )
    )


def over_pairs(body: Expr) -> Sum:
    """Σ_s Σ_a p(s) p(a | s) of the body."""
    return Sum(factors(p(s), p_next(a, s), body), (a, 1, A), (s, 1, S))


RESULTS = (two_stages,)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "For every s the probabilities of a sum to 1, p or q, and 1² = 1.": (
        (
            "two stages, line 3: without Sum(p_next(a, s), (a, 1, A)): "
            "p(s)*log(p(s)/q(s))*Sum(p_next(a, s), (a, 1, A))"
        ),
        "two stages, line 3: square of Sum(p_next(a, s), (a, 1, A))",
        "two stages, line 3: q_next for p_next(a, s)",
        "two stages, line 3: sign of s, place 4",
        "two stages, line 3: twice s, place 4",
        "two stages, line 3: square of s, place 4",
        "two stages, line 3: A for s, place 4",
        "two stages, line 3: S for s, place 4",
    ),
}
