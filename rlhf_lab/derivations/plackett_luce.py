"""Plackett-Luce: the probability of a ranking of any K responses (Plackett 1975)."""

from sympy import Eq, Expr, Function, Integer, Product, Sum, Symbol, exp, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import (
    OPTIMAL,
    Z,
    beta,
    factors,
    optimal,
    over,
    reference,
    reward,
    terms,
)

K, k, j = symbols("K k j", integer=True, positive=True)
ranked = Function("ranked", integer=True, positive=True)
RANKING = Given(
    definitions=(OPTIMAL,),
    statement="One prompt x and K ranked responses, ranked(1) the best. Z(x) may be any positive "
    "number.",
)
# What is still to be ranked at place k: the k-th and those after it.
LEFT = terms(exp(reward(ranked(k))), Sum(exp(reward(ranked(j))), (j, k + 1, K)))
others = Symbol("m", integer=True, positive=True)
AT_LEAST_TWO = Given(
    definitions=(Eq(K, others + 1, evaluate=False),),
    statement="One prompt and K = m + 1 ranked responses, at least two, the best first.",
)


def plackett_luce() -> Derivation:
    """Π_k exp r_k / Σ_{j ≥ k} exp r_j with π* in place of r: Z cancels. DPO-5; appendix A.3.

    Each factor is proved by itself, so K may be any number.
    """
    ratio = optimal(ranked(k)) / reference(ranked(k))
    rest = optimal(ranked(j)) / reference(ranked(j))
    rewards = Sum(exp(reward(ranked(j))), (j, k, K))
    in_policy = [(Z * f) ** beta for f in (ratio, rest)]
    return (
        begin("Plackett-Luce", ranking(exp(reward(ranked(k))), rewards), RANKING)
        .rewrite(
            ranking(in_policy[0], Sum(in_policy[1], (j, k, K))),
            "exp r = (Z(x) π*/ref) to the power β",
        )
        .rewrite(ranking(ratio**beta, Sum(rest**beta, (j, k, K))), "Z(x) cancels in each factor")
    )


def ranking(best: Expr, left: Expr, last: Expr = K) -> Product:
    """Π_k best of those left / all that are left."""
    return Product(over(best, left), (k, 1, last))


def two_responses() -> Derivation:
    """For K = 2 Plackett-Luce is Bradley-Terry: σ(r_1 - r_2). FB-7."""
    first, second = reward(ranked(1)), reward(ranked(2))
    rewards = Sum(exp(reward(ranked(j))), (j, k, 2))
    chosen = over(exp(first), terms(exp(first), exp(second)))
    return (
        begin("ranking of two", ranking(exp(reward(ranked(k))), rewards, Integer(2)))
        .rewrite(factors(chosen, over(exp(second), exp(second))), "two factors, written out")
        .rewrite(chosen, "only the second is left: its factor is 1")
        .rewrite(Sigmoid(first - second), "Bradley-Terry as a sigmoid")
    )


def choices_of_a_ranking() -> Derivation:
    """A ranking of K responses is K - 1 choices: the last one left is not chosen. FB-7."""
    best, last = exp(reward(ranked(k))), exp(reward(ranked(K)))
    choices = ranking(best, LEFT, K - 1)
    return (
        begin("choices of a ranking", ranking(best, LEFT), AT_LEAST_TWO)
        .rewrite(factors(choices, over(last, last)), "at the last place only one is left")
        .rewrite(choices, "its factor is 1")
    )


def log_likelihood() -> Derivation:
    """log p(ranking) = Σ_k [r_k - log Σ_{j ≥ k} exp r_j]: what is maximised over rewards.

    The logarithm of Rafailov et al. 2023, Eq. 18.
    """
    best = reward(ranked(k))
    return (
        begin("log-likelihood of a ranking", log(ranking(exp(best), LEFT)), AT_LEAST_TWO)
        .rewrite(Sum(log(over(exp(best), LEFT)), (k, 1, K)), "the logarithm of a product")
        .rewrite(Sum(terms(best, -log(LEFT)), (k, 1, K)), "log exp r = r")
    )


RESULTS = (plackett_luce, two_responses, choices_of_a_ranking, log_likelihood)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1² = 1.": (
        "ranking of two, line 2: square of 1",
        "ranking of two, line 3: square of 1",
    ),
    "The factor that is left out is 1.": (
        "ranking of two, line 2: without exp(reward(ranked(2)))/exp(reward(ranked(2))):"
        " (exp(reward(ranked(1)))/(exp(reward(ranked(1))) + exp(reward(ranked(2)))))"
        "*(exp(reward(ranked(2)))/exp(reward(ranked(2))))",
        "choices of a ranking, line 2: without exp(reward(ranked(K)))/exp(reward(ranked(K))):"
        " (exp(reward(ranked(K)))/exp(reward(ranked(K))))*Product(exp(reward(ranked(k)))"
        "/(exp(reward(ranked(k))) + Sum(exp(reward(ranked(j))), (j, k + 1, K))), (k, 1, K - 1))",
    ),
}
