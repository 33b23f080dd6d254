"""Outcome advantages: rewards of a group of responses, measured from the group's own mean.

Shao et al. 2024 (GRPO, arXiv 2402.03300), section 4.1.2; any number G of responses. The std
divides the sum of squares by n: G - 1 for the unbiased one, which `advantages` takes, G for the
biased one. The paper does not say which; all results hold for both.
"""

from sympy import Integer, Sum, Symbol

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import (
    ADVANTAGE,
    ALL_EQUAL,
    CENTRED,
    GROUP,
    UNEQUAL,
    WITHOUT_EPSILON,
    G,
    b,
    c,
    epsilon,
    i,
    j,
    mean,
    rewards,
    std,
)
from rlhf_lab.derivations.notation import factors, over, terms


def sum_of_advantages() -> Derivation:
    """Σ_i Â_i = 0 in any group: what some responses gain, the others lose. GRPO-5.

    The divisor D may be any number that is the same for the whole group: std + ε, or 1.
    """
    divisor = Symbol("D", positive=True)
    return begin("sum of the advantages", Sum(over(CENTRED, divisor), (i, 1, G)), GROUP).rewrite(
        Integer(0), "mean and D are the same for all, and G times the mean is the sum"
    )


def shifted_rewards() -> Derivation:
    """b added to all rewards of a group changes no advantage. GRPO-5."""
    shifted = terms(rewards(j), b)
    inside = terms(rewards(i), b, -mean(rewards(j)), -b)
    return (
        begin(
            "shifted rewards of a group",
            over(terms(rewards(i), b, -mean(shifted)), terms(std(shifted), epsilon)),
            GROUP,
        )
        .rewrite(
            over(inside, terms(std(rewards(j)), epsilon)),
            "the mean moves with the rewards, the std stays",
        )
        .rewrite(ADVANTAGE, "b cancels")
    )


def scaled_rewards() -> Derivation:
    """Rewards c times as large: the same advantages, but with ε/c in the place of ε. GRPO-5."""
    scaled = c * rewards(j)
    divisor = terms(std(rewards(j)), epsilon / c)
    return (
        begin(
            "scaled rewards of a group",
            over(terms(c * rewards(i), -mean(scaled)), terms(std(scaled), epsilon)),
            GROUP,
        )
        .rewrite(
            over(factors(c, CENTRED), terms(factors(c, std(rewards(j))), epsilon)),
            "mean and std grow by the same factor c",
        )
        .rewrite(over(CENTRED, divisor), "divide above and below by c")
    )


def shrunk_by_epsilon() -> Derivation:
    """Â with ε is std/(std + ε) of Â without: one factor for the whole group. GRPO-5."""
    share = over(std(rewards(j)), terms(std(rewards(j)), epsilon))
    return begin("what ε does", ADVANTAGE, UNEQUAL).rewrite(
        factors(share, WITHOUT_EPSILON), "times std, above and below"
    )


def equal_rewards() -> Derivation:
    """Equal rewards give advantages of 0: nothing is learnt from such a group. GRPO-5."""
    added = Symbol("epsilon", positive=True)
    equal = over(CENTRED, terms(std(rewards(j)), added))
    return begin("equal rewards", equal, ALL_EQUAL).rewrite(
        Integer(0), "all are equal to the mean: 0 divided by ε"
    )


RESULTS = (
    sum_of_advantages,
    shifted_rewards,
    scaled_rewards,
    shrunk_by_epsilon,
    equal_rewards,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Rewards and their negatives have one std.": (
        "shifted rewards of a group, line 2: sign of rewards(j), place 2",
        "shifted rewards of a group, line 3: sign of rewards(j), place 2",
        "scaled rewards of a group, line 2: sign of rewards(j), place 2",
        "scaled rewards of a group, line 3: sign of rewards(j), place 2",
        "what ε does, line 2: sign of rewards(j), place 2",
    ),
}
