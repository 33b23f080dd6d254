"""SimPO: DPO with the average log-prob of a response in the place of its implicit reward.

Meng et al. 2024, "SimPO" (arXiv 2405.14734), Eq. 4 and 6. γ is the target margin.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Function, Lambda, Symbol, exp, log

from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    beta,
    factors,
    over,
    policy,
    reward,
    terms,
    theta,
    y,
    y_l,
    y_w,
    z,
)
from rlhf_lab.derivations.policy_gradient import RESPONSES, length

gamma = Symbol("gamma_margin", nonnegative=True)
c = Symbol("c", real=True)
average = Function("average_reward", real=True)
PAIR = replace(
    RESPONSES,
    ranges=ONE_PROMPT.ranges,
    definitions=(
        Eq(average(y, theta), over(beta * log(policy(y, theta)), length(y)), evaluate=False),
    ),
    statement="One pair: a prompt x, its chosen response y_w, its rejected one y_l, of any "
    "lengths. r is β times the average log-prob of a response's tokens, θ is any one parameter of "
    "the policy.",
)
FREE = replace(
    ONE_PROMPT,
    statement="One prompt with responses of any lengths, labels by Bradley-Terry, γ = 0, and a "
    "policy that is free to be any distribution. Bradley-Terry fixes a reward up to a constant c.",
)


def gradient_of_simpo() -> Derivation:
    """∂L = -σ(r_l - r_w + γ) [β/|y_w| ∂ log π(y_w) - β/|y_l| ∂ log π(y_l)], of Eq. 6.

    DPO's gradient with three changes: each side is divided by its own length, γ is taken from the
    margin, and the reference is gone from the weight.
    """
    chosen, rejected = average(y_w, theta), average(y_l, theta)
    weight = Sigmoid(terms(rejected, -chosen, gamma))
    rewards = terms(Derivative(chosen, theta), -Derivative(rejected, theta))
    logs = [
        factors(over(beta, length(i)), Derivative(log(policy(i, theta)), theta)) for i in (y_w, y_l)
    ]
    return (
        begin("SimPO gradient", -log(Sigmoid(terms(chosen, -rejected, -gamma))), PAIR, "the loss")
        .differentiate(theta, "the slope of log σ(u) is σ(-u)", factors(-1, weight, rewards))
        .rewrite(
            factors(-1, weight, terms(logs[0], -logs[1])), "each length is a number, and so is β"
        )
    )


def policy_of_simpo() -> Derivation:
    """Where β/|y| log π(y) is the reward up to a constant: π(y) = exp(|y| (r(y) + c)/β).

    There every comparison has its true odds. No reference is in it: c is what makes π sum to 1.
    Not in the paper.
    """
    whole = over(length(y) * terms(reward(y), c), beta)
    return (
        begin(
            "policy of SimPO",
            Eq(over(beta * log(policy(y)), length(y)), terms(reward(y), c), evaluate=False),
            FREE,
            "β times the average log-prob is the reward",
        )
        .both_sides(
            Eq(log(policy(y)), whole, evaluate=False),
            "times the length, over β",
            through=Lambda(z, z * length(y) / beta),
        )
        .both_sides(
            Eq(policy(y), exp(whole), evaluate=False), "exp of both", through=Lambda(z, exp(z))
        )
    )


RESULTS = (gradient_of_simpo, policy_of_simpo)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "SimPO gradient, line 3: twice policy(y_l, theta)",
        "SimPO gradient, line 3: twice policy(y_w, theta)",
    ),
}
