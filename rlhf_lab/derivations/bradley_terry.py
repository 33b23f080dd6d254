"""Bradley-Terry: a comparison's probability from two rewards (Bradley and Terry 1952)."""

from sympy import Derivative, Function, Integer, Symbol, exp, log

from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    factors,
    over,
    reward,
    terms,
    y_l,
    y_w,
    z,
)

CHOSEN, REJECTED = reward(y_w), reward(y_l)
WINS = exp(CHOSEN) / terms(exp(CHOSEN), exp(REJECTED))
phi = Symbol("phi", real=True)
score = Function("score", real=True)  # of a reward model with the parameter phi


def sigmoid_form() -> Derivation:
    """exp r_w / (exp r_w + exp r_l) = σ(r_w - r_l). DPO-19, RLHF-5, RM-10.

    Rafailov et al. 2023, Eq. 1 and 16.
    """
    return (
        begin("Bradley-Terry as a sigmoid", WINS, ONE_PROMPT)
        .rewrite(
            1 / terms(Integer(1), over(exp(REJECTED), exp(CHOSEN))),
            "divide both parts by exp of the first",
        )
        .rewrite(1 / terms(Integer(1), exp(REJECTED - CHOSEN)), "exp a / exp b = exp(a - b)")
        .rewrite(Sigmoid(CHOSEN - REJECTED), "the definition of σ")
    )


def from_sigmoid() -> Derivation:
    """σ(r_w - r_l) = exp r_w / (exp r_w + exp r_l): the other direction. DPO-19, RLHF-5."""
    return (
        begin("a sigmoid as Bradley-Terry", Sigmoid(CHOSEN - REJECTED), ONE_PROMPT)
        .rewrite(1 / terms(Integer(1), exp(REJECTED - CHOSEN)), "the definition of σ")
        .rewrite(WINS, "times exp of the first reward, above and below")
    )


def orders_sum_to_one() -> Derivation:
    """p(w beats l) + p(l beats w) = 1, that is σ(z) + σ(-z) = 1. RM-10."""
    both = terms(Sigmoid(z), Sigmoid(-z))
    return (
        begin("the two orders", both)
        .rewrite(
            terms(1 / terms(Integer(1), exp(-z)), 1 / terms(Integer(1), exp(z))),
            "the definition of σ",
        )
        .rewrite(over(terms(Integer(1), exp(z)), terms(Integer(1), exp(z))), "one denominator")
        .rewrite(Integer(1), "cancel")
    )


def shift_invariance() -> Derivation:
    """A constant added to all rewards of a prompt changes no comparison. DPO-9, RM-9."""
    shift = Symbol("f", real=True)
    better, worse = exp(terms(CHOSEN, shift)), exp(terms(REJECTED, shift))
    shifted = terms(CHOSEN, shift, -REJECTED, -shift)
    return (
        begin("shifted rewards", better / terms(better, worse), ONE_PROMPT)
        .rewrite(Sigmoid(shifted), "Bradley-Terry as a sigmoid")
        .rewrite(Sigmoid(CHOSEN - REJECTED), "f(x) cancels")
    )


def log_sigmoid_slope() -> Derivation:
    """d/dz log σ(z) = 1 - σ(z) = σ(-z). DPO-20."""
    return (
        begin("slope of log σ", log(Sigmoid(z)))
        .rewrite(-log(1 + exp(-z)), "the definition of σ")
        .differentiate(z, "the chain rule", exp(-z) / (1 + exp(-z)))
        .rewrite(1 - Sigmoid(z), "1 minus the fraction 1/(1 + exp(-z))")
        .rewrite(Sigmoid(-z), "the two orders sum to 1")
    )


def reward_model_gradient() -> Derivation:
    """∂/∂φ of -log σ(r_w - r_l) is -σ(r_l - r_w) (∂r_w - ∂r_l), for one parameter φ.

    The weight σ(r_l - r_w) is the probability that the model gives to the wrong order: a pair
    that is ranked rightly by a wide margin hardly moves the model.
    """
    chosen, rejected = score(y_w, phi), score(y_l, phi)
    slopes = terms(Derivative(chosen, phi), -Derivative(rejected, phi))
    missing = terms(Integer(1), -Sigmoid(chosen - rejected))
    return (
        begin("reward model gradient", -log(Sigmoid(chosen - rejected)), ONE_PROMPT)
        .differentiate(phi, "the slope of log σ(u) is 1 - σ(u)", factors(-1, missing, slopes))
        .rewrite(
            factors(-1, Sigmoid(rejected - chosen), slopes),
            "1 - σ(u) = σ(-u): the two orders sum to 1",
        )
    )


RESULTS = (
    sigmoid_form,
    from_sigmoid,
    orders_sum_to_one,
    shift_invariance,
    log_sigmoid_slope,
    reward_model_gradient,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1² = 1.": (
        "the two orders, line 2: square of 1/(exp(z) + 1) + 1/(1 + exp(-z))",
        "the two orders, line 2: square of 1",
        "the two orders, line 3: square of (exp(z) + 1)/(exp(z) + 1)",
    ),
}
