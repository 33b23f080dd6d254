"""What the division by the std costs: the size of the rewards, and equal weights of prompts.

Liu et al. 2025 (Dr. GRPO, arXiv 2503.20783) leave the division out for this reason.
"""

from dataclasses import replace

from sympy import Eq, Integer

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import (
    CENTRED,
    TWO_KINDS,
    UNEQUAL,
    WITHOUT_EPSILON,
    b,
    c,
    d,
    i,
    j,
    mean,
    mu,
    n,
    rewards,
    right,
    std,
    variance,
    wrong,
)
from rlhf_lab.derivations.notation import factors, over, t, terms

BIASED = replace(
    TWO_KINDS,
    definitions=(*TWO_KINDS.definitions, Eq(n, right + wrong, evaluate=False)),
    statement=f"{TWO_KINDS.statement} The std is the biased one, n = k + w.",
)


def scale_is_lost() -> Derivation:
    """With ε = 0 the scale of the rewards does not matter at all. GRPO-5, -7.

    That is what the invariance costs: a group whose rewards differ by little pushes the policy as
    hard as one whose rewards differ by much.
    """
    scaled = c * rewards(j)
    return (
        begin("the scale is lost", over(terms(c * rewards(i), -mean(scaled)), std(scaled)), UNEQUAL)
        .rewrite(
            over(factors(c, CENTRED), factors(c, std(rewards(j)))),
            "mean and std grow by the same factor c",
        )
        .rewrite(WITHOUT_EPSILON, "c cancels")
    )


def right_answer() -> Derivation:
    """Squared advantage of one of k right answers beside w wrong ones: n w / (k (k + w)). GRPO-5.

    For [1, 0, 0, 1] it is 3/4 with n = 3, so Â = √3/2 = 0.866, and 1 with n = 4, the biased std;
    for [1, 0] it is 1/2 and 1. The difference d is gone: what counts is how rare right answers are.
    """
    own = over(d**2 * wrong**2, (right + wrong) ** 2)
    return (
        begin("a right answer", over(terms(b, d, -mu) ** 2, variance), TWO_KINDS)
        .rewrite(
            over(own, over(d**2 * right * wrong, n * (right + wrong))),
            "right ones lie d w/(k + w) above the mean, wrong ones d k/(k + w) below",
        )
        .rewrite(over(n * wrong, right * (right + wrong)), "d cancels")
    )


def odds_bound() -> Derivation:
    """t + 1/t + 2 ≥ 4 for t > 0, and 4 at t = 1 only."""
    return begin("bound of odds", terms(t, 1 / t, 2)).lowest(
        Integer(4),
        "convex: the second derivative is 2/t³; the slope 1 - 1/t² is 0 at t = 1",
        letter=t,
        at=Integer(1),
    )


def weight_of_a_prompt() -> Derivation:
    """(d/std)² = k/w + w/k + 2 ≥ 4, and 4 only where half of the answers are right. GRPO-7.

    The division multiplies a prompt's gradient by 1/std. So prompts that are nearly always or
    nearly never solved weigh most: the difficulty bias. Without it all weigh 1.
    """
    odds = terms(over(right, wrong), over(wrong, right), 2)
    return (
        begin("weight of a prompt", over(d**2, variance), BIASED)
        .rewrite(over((right + wrong) ** 2, right * wrong), "variance d² k w/(k + w)²")
        .rewrite(odds, "multiply out")
        .bounded(
            Integer(4),
            "t + 1/t + 2 is at least 4, at t = k/w",
            by=odds_bound().at({t: right / wrong}, BIASED),
        )
    )


RESULTS = (scale_is_lost, right_answer, odds_bound, weight_of_a_prompt)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Rewards and their negatives have one std.": (
        "the scale is lost, line 2: sign of rewards(j), place 2",
        "the scale is lost, line 3: sign of rewards(j), place 2",
    ),
    "(-d)² = d², (-k - w)² = (k + w)².": (
        "a right answer, line 2: sign of d",
        "a right answer, line 2: sign of d, place 2",
        "a right answer, line 2: sign of k + w",
        "weight of a prompt, line 2: sign of k + w",
    ),
    "Right and wrong answers count alike here.": (
        "weight of a prompt, line 2: k and w exchanged",
        "weight of a prompt, line 3: k and w exchanged",
    ),
}
