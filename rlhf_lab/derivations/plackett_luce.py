"""Plackett-Luce: the probability of a ranking of any K responses (Plackett 1975)."""

from sympy import Function, Product, Sum, exp, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import OPTIMAL, Z, beta, optimal, over, reference, reward

K, k, j = symbols("K k j", integer=True, positive=True)
ranked = Function("ranked", integer=True, positive=True)
RANKING = Given(
    definitions=(OPTIMAL,),
    statement="One prompt x and K ranked responses, ranked(1) the best. Z(x) may be any positive "
    "number.",
)


def plackett_luce() -> Derivation:
    """Π_k exp r_k / Σ_{j ≥ k} exp r_j with π* in place of r: Z cancels. DPO-5; appendix A.3.

    Each factor is proved by itself, so K may be any number.
    """
    ratio = optimal(ranked(k)) / reference(ranked(k))
    others = optimal(ranked(j)) / reference(ranked(j))
    rewards = Sum(exp(reward(ranked(j))), (j, k, K))
    in_policy = [(Z * f) ** beta for f in (ratio, others)]
    return (
        begin("Plackett-Luce", ranking(exp(reward(ranked(k))), rewards), RANKING)
        .rewrite(
            ranking(in_policy[0], Sum(in_policy[1], (j, k, K))),
            "exp r = (Z(x) π*/ref) to the power β",
        )
        .rewrite(ranking(ratio**beta, Sum(others**beta, (j, k, K))), "Z(x) cancels in each factor")
    )


def ranking(best, left) -> Product:
    """Π_k best of those left / all that are left."""
    return Product(over(best, left), (k, 1, K))


RESULTS = (plackett_luce,)
