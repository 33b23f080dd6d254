"""Printed errors of the course notes on feedback, reward models and RLHF, each refused.

The corrected forms are in `identified`, `pairs` and `cycle`.
"""

from collections.abc import Callable
from dataclasses import replace

from sympy import Eq, Integer, Lambda, Symbol

from rlhf_lab.derivations.cycle import cycle_of_three, strength
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.identified import another, equal, same_comparisons, y_0
from rlhf_lab.derivations.notation import factors, reward, terms, y, z
from rlhf_lab.derivations.pairs import COUNT, MEAN, ONE_RANKING, mean_loss

loss = Symbol("L_RM", real=True)  # the mean over pairs


def normalised_twice() -> Derivation:
    """RLHF-6 as printed: 1/C(K, 2) times an expectation over the pairs. Refused.

    The expectation is the mean over the C(K, 2) pairs, so it divides by their number already.
    """
    return mean_loss().rewrite(factors(1 / COUNT, MEAN), "the notes: the mean, and 1/C(K, 2)")


def size_of_the_printed_loss() -> Derivation:
    """The printed loss is 2 / (K (K - 1)) of the mean over pairs: all for K = 2, 1/36 for K = 9.

    One factor for all prompts changes nothing but the step; where K differs, a prompt with more
    responses counts for less. RLHF-6.
    """
    known = (*ONE_RANKING.definitions, Eq(loss, MEAN, evaluate=False))
    return begin(
        "normalised twice", factors(1 / COUNT, MEAN), replace(ONE_RANKING, definitions=known)
    ).rewrite(factors(1 / COUNT, loss), "the sum is the mean over the pairs already")


def score_without_a_constant() -> Derivation:
    """RM-9 read strictly: comparisons fix a pointwise score itself. Refused: up to a constant."""
    return (
        same_comparisons()
        .upto(4)
        .both_sides(
            equal((another(y), reward(y))),
            "as if the two scores of y0 were the same",
            through=Lambda(z, another(y_0) - z),
        )
    )


def score_for_a_cycle() -> Derivation:
    """RM-11 as if a score could have any log-odds round a cycle of three. Refused."""
    return cycle_of_three().rewrite(
        terms(*(strength(Integer(k)) for k in (1, 2, 3))), "as if scores could fit a cycle"
    )


REFUSED: dict[str, tuple[Callable[[], Derivation], ...]] = {
    "RLHF-6": (normalised_twice,),
    "RM-9": (score_without_a_constant,),
    "RM-11": (score_for_a_cycle,),
}

RESULTS = (size_of_the_printed_loss,)
