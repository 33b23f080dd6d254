"""GRPO's gradient in the mean over all responses: whose gradient it is, and with which β.

One step: a response counts as one action. On-policy: the ratio is 1. Not in the paper.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Expr, Integer, Symbol, sqrt

from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_baseline import OF_A_GROUP, mean_of_other, other
from rlhf_lab.derivations.group_notation import G, b, c
from rlhf_lab.derivations.notation import N, beta, factors, over, reference, reward, terms, theta, y
from rlhf_lab.derivations.policy_gradient import GRADIENT, LIKELY, RESPONSES, SCORE, mean

others = Symbol("others", integer=True, positive=True)
std = Symbol("s", positive=True)
PULL = factors(beta, terms(over(reference(y), LIKELY), -1))
TO_POLICY = KL(reference(y), LIKELY, y, N)
WITH_REFERENCE = replace(RESPONSES, distributions=(LIKELY, reference(y)))
OWN_SAMPLE = replace(
    OF_A_GROUP,
    definitions=(Eq(G, others + 1, evaluate=False),),
    distributions=(LIKELY, reference(y)),
)
LARGE_GROUP = replace(
    WITH_REFERENCE,
    statement=f"{RESPONSES.statement} The group is large: its mean and its std are those of the "
    "policy, and are taken as numbers, without a gradient of their own.",
)


def centred(body: Expr) -> Expr:
    """body - E[body]."""
    return terms(body, -mean(body))


def spread(body: Expr) -> Expr:
    """The std of the policy: √ E[(body - E[body])²]."""
    return sqrt(mean(centred(body) ** 2))


def what_grpo_maximises() -> Derivation:
    """E_π[(r + β (ref/π - 1)) ∂ log π] = ∂ (E_π[r] - β KL[ref ‖ π]), for undivided advantages.

    As in Dr. GRPO. The KL is turned round. The coefficient is the one of `gradient_coefficient`,
    up to a baseline and the division by the std.
    """
    return (
        begin(
            "what GRPO maximises",
            mean(factors(terms(reward(y), PULL), SCORE)),
            WITH_REFERENCE,
            "the mean gradient over responses of the policy",
        )
        .rewrite(
            terms(GRADIENT, -beta * Derivative(TO_POLICY, theta)),
            "the policy gradient, and k3 as a loss",
        )
        .rewrite(Derivative(terms(mean(reward(y)), -beta * TO_POLICY), theta), "one derivative")
    )


def own_sample_in_the_mean() -> Derivation:
    """Undivided, with the own reward in the group's mean, β acts as β G/(G - 1), for any G ≥ 2.

    Undivided by the std, as in Dr. GRPO. So the fixed point is that of the larger β: for G = 2
    twice the β that was set.
    """
    group_mean = over(terms(reward(y), factors(G - 1, reward(other))), G)
    share = terms(Integer(1), -1 / G)
    stronger = factors(over(beta * G, G - 1), TO_POLICY)
    return (
        begin(
            "own sample in the mean",
            mean(mean_of_other(factors(terms(reward(y), -group_mean, PULL), SCORE))),
            OWN_SAMPLE,
            "one y' stands for each of the others",
        )
        .rewrite(
            terms(factors(share, GRADIENT), -beta * Derivative(TO_POLICY, theta)),
            "the group mean as a baseline, and k3 as a loss",
        )
        .rewrite(
            factors(share, Derivative(terms(mean(reward(y)), -stronger), theta)),
            "1 divided by 1 - 1/G is G/(G - 1)",
        )
    )


def std_as_a_weight() -> Derivation:
    """Divided by the std, rewards are followed with β std in the place of β. GRPO-7.

    At every policy anew, as the std is that of the policy. So a prompt of small std is held less.
    """
    advantage = over(terms(reward(y), -b), std)
    return begin(
        "std as a weight", mean(factors(terms(advantage, PULL), SCORE)), LARGE_GROUP
    ).rewrite(
        factors(
            1 / std, Derivative(terms(mean(reward(y)), factors(-1, beta, std, TO_POLICY)), theta)
        ),
        "the policy gradient, and k3 as a loss; b takes nothing",
    )


def advantage_without_scale() -> Derivation:
    """Rewards c times as large have the same advantages at every policy: so the same fixed point.

    The pull of the reference knows no reward, so the whole gradient is the same; and not only in
    a large group: see `scale_is_lost`.
    """
    return begin(
        "large group",
        over(centred(c * reward(y)), spread(c * reward(y))),
        LARGE_GROUP,
    ).rewrite(over(centred(reward(y)), spread(reward(y))), "mean and std grow by the same factor c")


RESULTS = (
    what_grpo_maximises,
    own_sample_in_the_mean,
    std_as_a_weight,
    advantage_without_scale,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "what GRPO maximises, line 2: twice policy(y, theta), place 2",
        "what GRPO maximises, line 3: twice policy(y, theta), place 2",
        "own sample in the mean, line 2: twice policy(y, theta), place 2",
        "own sample in the mean, line 3: twice policy(y, theta), place 2",
        "std as a weight, line 2: twice policy(y, theta), place 2",
    ),
    "(-u)² = u².": (
        "large group, line 2: sign of reward(y) - E[y ~ policy(y, theta)](reward(y)), place 2",
    ),
}
