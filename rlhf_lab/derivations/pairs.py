"""All pairs of K ranked responses to one prompt: how many there are, and the loss over them.

Ouyang et al. 2022 (arXiv 2203.02155), section 3.5 and Eq. 1; any number K of responses.
"""

from sympy import Eq, Expr, Integer, Sum, Symbol, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, over, reward, terms
from rlhf_lab.derivations.plackett_luce import K, ranked

i, j = symbols("i j", integer=True, positive=True)
COUNT = over(factors(K, K - 1), Integer(2))
others = Symbol("m", integer=True, positive=True)
ONE_RANKING = Given(
    definitions=(Eq(K, others + 1, evaluate=False),),
    statement="One prompt and K ranked responses, the best first, at least two: K = m + 1. In the "
    "pair (i, j) with i < j the i-th wins.",
)


def over_pairs(body: Expr) -> Sum:
    """Σ over all pairs i < j of K responses."""
    return Sum(body, (j, i + 1, K), (i, 1, K))


def pair_loss(shift: Expr | int = 0) -> Expr:
    """-log σ(r_i - r_j), with the shift added to both rewards."""
    winner, loser = (reward(ranked(index)) for index in (i, j))
    return -log(Sigmoid(terms(winner, shift, -loser, -shift) if shift else winner - loser))


MEAN = over_pairs(factors(1 / COUNT, pair_loss()))


def number_of_pairs() -> Derivation:
    """Σ_i Σ_{j > i} 1 = K (K - 1) / 2: the comparisons of one prompt. FB-6, RLHF-7."""
    return (
        begin("number of pairs", over_pairs(Integer(1)), ONE_RANKING)
        .rewrite(Sum(K - i, (i, 1, K)), "the i-th beats the K - i that come after it")
        .rewrite(terms(K**2, -K * (K + 1) / 2), "1 + 2 + ... + K = K(K + 1)/2")
        .rewrite(COUNT, "one fraction")
    )


def pairs_for_each_choice() -> Derivation:
    """A ranking says who wins in all its pairs: K/2 pairs for each of its K - 1 choices. FB-7."""
    return (
        begin("pairs for each choice", over(over_pairs(Integer(1)), K - 1), ONE_RANKING)
        .rewrite(over(COUNT, K - 1), "the number of pairs")
        .rewrite(K / 2, "cancel")
    )


def weights_of_pairs() -> Derivation:
    """Σ over pairs of 1/C(K, 2) is 1: with these weights the sum over pairs is a mean. RLHF-6."""
    return (
        begin("weights of the pairs", over_pairs(1 / COUNT), ONE_RANKING)
        .rewrite(factors(1 / COUNT, over_pairs(Integer(1))), "the same for every pair")
        .rewrite(factors(1 / COUNT, COUNT), "the number of pairs")
        .rewrite(Integer(1), "cancel")
    )


def mean_loss() -> Derivation:
    """-1/C(K, 2) Σ over pairs of log σ(r_i - r_j): the mean loss of a pair of the prompt. RLHF-6.

    Ouyang et al. 2022, Eq. 1, read as one mean: each pair has the weight 1/C(K, 2), and the
    weights of a prompt sum to 1 (`weights_of_pairs`), however many responses it has.
    """
    return (
        begin("ranking loss", MEAN, ONE_RANKING, "the mean over the pairs of one prompt")
        .rewrite(factors(1 / COUNT, over_pairs(pair_loss())), "one weight for all pairs")
        .rewrite(factors(-1, 1 / COUNT, over_pairs(-pair_loss())), "the sign in front")
    )


def shifted_pairs() -> Derivation:
    """A constant added to all K rewards of a prompt changes no pair, and not the loss. RM-9."""
    shift = Symbol("f", real=True)
    return begin("shifted rewards of K", over_pairs(pair_loss(shift)), ONE_RANKING).rewrite(
        over_pairs(pair_loss()), "f(x) cancels in every pair"
    )


RESULTS = (number_of_pairs, pairs_for_each_choice, weights_of_pairs, mean_loss, shifted_pairs)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1² = 1.": (
        "weights of the pairs, line 2: square of (2/(K*(K - 1)))*Sum(1, (j, i + 1, K), (i, 1, K))",
        "weights of the pairs, line 2: square of 1",
        "weights of the pairs, line 3: square of ((K*(K - 1))/2)*(2/(K*(K - 1)))",
    ),
}
