"""DPO in four steps: the paper's derivation, top to bottom, each line checked.

Step 1, the best policy for a reward, is `closed_form`; step 2, the reward for which a policy is
best, is `reward_from_policy`; both are imported, and steps 3 and 4 follow here.
Rafailov et al. 2023, "Direct Preference Optimization" (arXiv 2305.18290). Any number N of
responses to a prompt x, any number n of labelled pairs.
"""

from sympy import Derivative, Expr, Integer, exp, log

from rlhf_lab.derivations import bradley_terry
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.implied_reward import reward_from_policy, same_policy
from rlhf_lab.derivations.likelihood import cross_entropy, likelihood
from rlhf_lab.derivations.notation import (
    ONE_PAIR,
    ONE_PROMPT,
    Z,
    beta,
    factors,
    implicit,
    optimal,
    policy,
    reference,
    reward,
    terms,
    theta,
    y,
    y_l,
    y_w,
    z,
)
from rlhf_lab.derivations.optimal_policy import closed_form
from rlhf_lab.derivations.plackett_luce import plackett_luce

# Step 3: that reward goes into Bradley-Terry, where only differences count, and Z cancels.


def preference_probability() -> Derivation:
    """p(y_w ≻ y_l) = σ(β log π*/ref (y_w) - β log π*/ref (y_l)): step 3. DPO-5, -8, -10; Eq. 6."""
    chosen, rejected = (beta * log(optimal(i) / reference(i)) for i in (y_w, y_l))
    with_partition = terms(chosen, beta * log(Z), -rejected, -beta * log(Z))
    lemmas = tuple(reward_from_policy().at({y: i}, ONE_PROMPT) for i in (y_w, y_l))
    return (
        begin("probability of a preference", bradley_terry.WINS, ONE_PROMPT, "Bradley-Terry")
        .rewrite(Sigmoid(reward(y_w) - reward(y_l)), "as a sigmoid")
        .substitute(Sigmoid(with_partition), "the reward in terms of π*", by=lemmas)
        .rewrite(Sigmoid(chosen - rejected), "β log Z(x) cancels: both responses answer one x")
        .rewrite(1 / terms(Integer(1), exp(rejected - chosen)), "the definition of σ")
    )


# Step 4: the most likely policy (see `likelihood`), with π_θ in the place of π*.


def loss() -> Derivation:
    """-log σ(β log π_θ/ref (y_w) - β log π_θ/ref (y_l)): DPO's loss. DPO-1, -11, RM-4; Eq. 7.

    π_θ takes the place of π*: the best policy is what is looked for. No reward model is left.
    """
    chosen, rejected = implicit(y_w, theta), implicit(y_l, theta)
    wins = exp(chosen) / terms(exp(chosen), exp(rejected))
    return (
        begin("DPO loss", -log(wins), ONE_PAIR, "Bradley-Terry with the policy's own reward")
        .rewrite(-log(Sigmoid(chosen - rejected)), "as a sigmoid")
        .rewrite(-log(Sigmoid(margin_of_policy())), "the definition of the implicit reward")
    )


def margin_of_policy() -> Expr:
    """β log π_θ/ref (y_w) - β log π_θ/ref (y_l)."""
    chosen, rejected = (log(policy(i, theta) / reference(i)) for i in (y_w, y_l))
    return terms(beta * chosen, -beta * rejected)


def gradient() -> Derivation:
    """∂L/∂θ = -β σ(r̂_l - r̂_w) [∂ log π_θ(y_w) - ∂ log π_θ(y_l)]. DPO-12, -20; appendix A.4."""
    chosen, rejected = implicit(y_w, theta), implicit(y_l, theta)
    weight = Sigmoid(rejected - chosen)
    rewards = terms(Derivative(chosen, theta), -Derivative(rejected, theta))
    logs = [Derivative(log(policy(i, theta)), theta) for i in (y_w, y_l)]
    return (
        begin("DPO gradient", -log(Sigmoid(chosen - rejected)), ONE_PAIR, "the loss of one pair")
        .differentiate(theta, "the slope of log σ(u) is σ(-u)", factors(-1, weight, rewards))
        .rewrite(
            factors(-1, beta, weight, terms(logs[0], -logs[1])),
            "the reference does not depend on θ",
        )
    )


def weight_falls() -> Derivation:
    """The weight σ(-m) of a pair falls as its margin m = r̂_w - r̂_l grows. DPO-13.

    So a pair that is ranked wrongly, m < 0, weighs more than any pair that is ranked rightly.
    """
    return (
        begin("weight of a pair", Sigmoid(-z))
        .differentiate(z, "the chain rule", factors(-1, Sigmoid(z), Sigmoid(-z)))
        .below(Integer(0), "both factors are positive")
    )


# The whole chapter's derivation in reading order.
STEPS = (
    closed_form,
    reward_from_policy,
    same_policy,
    preference_probability,
    plackett_luce,
    likelihood,
    cross_entropy,
    loss,
    gradient,
    weight_falls,
)


RESULTS = (preference_probability, loss, gradient, weight_falls)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "DPO gradient, line 3: twice policy(y_w, theta)",
        "DPO gradient, line 3: twice policy(y_l, theta)",
    ),
    "What is below 0 is below 1.": ("weight of a pair, line 3: 1 more than the line",),
}
