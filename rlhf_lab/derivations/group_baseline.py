"""The mean of a group as the baseline of its responses, in the place of a value function.

Shao et al. 2024 (GRPO, arXiv 2402.03300), section 4.1. A response stands in its own group's mean,
which costs a factor 1 - 1/G of the policy gradient and nothing else.
"""

from dataclasses import replace

from sympy import Expr, Integer, Sum, Symbol

from rlhf_lab.derivations.checker.probability import Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import CENTRED, GROUP, G, i, j, rewards
from rlhf_lab.derivations.notation import N, factors, over, policy, reward, terms, theta, y
from rlhf_lab.derivations.policy_gradient import GRADIENT, RESPONSES, SCORE, mean

other = Symbol("y'", integer=True, positive=True)
OF_A_GROUP = replace(
    RESPONSES,
    ranges=((y, 1, N), (other, 1, N)),
    statement=f"{RESPONSES.statement} A group is G responses, drawn from the policy apart from "
    "each other: y is one of them, y' any of the G - 1 others, which all have the same mean.",
)


def mean_of_other(body: Expr) -> Expectation:
    """The mean over another response of the group."""
    return Expectation(body, policy(other, theta), other, N)


def leave_one_out() -> Derivation:
    """r_i - mean of the others = G/(G - 1) (r_i - mean of all), for any G ≥ 2. GRPO-1."""
    others = terms(Sum(rewards(j), (j, 1, G)), -rewards(i))
    return (
        begin(
            "mean of the others",
            terms(rewards(i), -over(others, G - 1)),
            GROUP,
            "the sum of the others is the sum of all without the own",
        )
        .rewrite(over(terms(G * rewards(i), -Sum(rewards(j), (j, 1, G))), G - 1), "one denominator")
        .rewrite(factors(over(G, G - 1), CENTRED), "G times the mean is the sum")
    )


def other_rewards() -> Derivation:
    """E[r(y') ∂ log π(y)] = 0 for another response y': it adds noise, but no gradient. GRPO-1."""
    return begin(
        "reward of another response",
        mean(mean_of_other(factors(reward(other), SCORE))),
        OF_A_GROUP,
    ).rewrite(Integer(0), "y' is drawn apart from y: a product of means, and the mean score is 0")


def group_mean_as_baseline() -> Derivation:
    """E[(r(y) - group mean) ∂ log π(y)] = (1 - 1/G) ∂ E_π[r], for a group of any size. GRPO-1.

    The own reward is one of the G in the mean, so a share of 1/G is taken from it; the others
    know nothing of y, and so take nothing.
    """
    group_mean = over(terms(reward(y), factors(G - 1, reward(other))), G)
    share = terms(Integer(1), -1 / G)
    return (
        begin(
            "group mean as a baseline",
            mean(mean_of_other(factors(terms(reward(y), -group_mean), SCORE))),
            OF_A_GROUP,
            "one y' stands for each of the others",
        )
        .rewrite(
            factors(share, mean(factors(reward(y), SCORE))),
            "of the own reward 1/G is in the mean; what is of the others has the mean 0",
        )
        .rewrite(factors(share, GRADIENT), "the policy gradient")
    )


def others_as_baseline() -> Derivation:
    """E[(r(y) - r(y')) ∂ log π(y)] = ∂ E_π[r]: the mean of the others costs nothing. GRPO-1."""
    return (
        begin(
            "mean of the others as a baseline",
            mean(mean_of_other(factors(terms(reward(y), -reward(other)), SCORE))),
            OF_A_GROUP,
            "one y' stands for each of the others",
        )
        .rewrite(mean(factors(reward(y), SCORE)), "what is of the others has the mean 0")
        .rewrite(GRADIENT, "the policy gradient")
    )


RESULTS = (leave_one_out, other_rewards, group_mean_as_baseline, others_as_baseline)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "group mean as a baseline, line 2: twice policy(y, theta)",
        "mean of the others as a baseline, line 2: twice policy(y, theta)",
    ),
}
