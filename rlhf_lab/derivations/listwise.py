"""How much one choice of a ranking says about a parameter: never less than nothing.

A ranking is a row of choices, and its log-likelihood the sum of theirs (`plackett_luce`), so its
information is the sum of theirs. It says at least as much as its first choice alone, "this one is
the best", or its first two. It is not compared here with pairs that are labelled apart.
"""

from sympy import Eq, Function, Integer, Sum, Symbol, exp, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, factors, terms, theta, y, y_w, z

feature = Function("feature", real=True)
chosen = Function("chosen", positive=True)  # how likely a response is the one that is chosen
mean = Symbol("mean_feature", real=True)
y_other = Symbol("y'", integer=True, positive=True)
SCORE = exp(theta * feature(y_other))
CHOSEN = exp(theta * feature(y)) / Sum(SCORE, (y_other, 1, N))
ONE_CHOICE = Given(
    ranges=((y, 1, N), (y_w, 1, N)),
    definitions=(
        Eq(chosen(y), CHOSEN, evaluate=False),
        Eq(mean, Sum(chosen(y) * feature(y), (y, 1, N)), evaluate=False),
    ),
    statement="The N responses that are left; the reward of each is θ times a feature of it. One "
    "is chosen with probability chosen(y), a softmax of the rewards.",
)


def spread() -> Sum:
    """Σ_y chosen(y) (feature(y) - mean)²."""
    return Sum(factors(chosen(y), terms(feature(y), -mean) ** 2), (y, 1, N))


def information_of_a_choice() -> Derivation:
    """Minus the second derivative of log p(choice) is the variance of the feature. FB-7.

    It does not depend on which response was chosen, so it is the Fisher information of the choice.
    """
    logprob = terms(theta * feature(y_w), -log(Sum(SCORE, (y_other, 1, N))))
    return (
        begin("information of a choice", -logprob, ONE_CHOICE, "minus log p of the chosen one")
        .differentiate(theta, "the mean feature less the chosen one's", terms(mean, -feature(y_w)))
        .differentiate(theta, "how the mean moves with θ: a variance", spread())
    )


def square_is_not_negative() -> Derivation:
    """z² ≥ 0, and 0 at z = 0 only."""
    return begin("a square", z**2).lowest(
        Integer(0), "convex, with slope 0 at 0", letter=z, at=Integer(0)
    )


def no_choice_takes_information() -> Derivation:
    """Σ_y chosen(y) (feature(y) - mean)² ≥ 0: each choice of a ranking adds to what it says. FB-7.

    0 only where all that are left have one feature: then there is nothing to learn from the choice.
    """
    return begin("no choice takes information", spread(), ONE_CHOICE).bounded(
        Integer(0),
        "a square is never negative",
        by=square_is_not_negative().at({z: terms(feature(y), -mean)}, ONE_CHOICE),
        weight=chosen(y),
        over=(y, 1, N),
    )


RESULTS = (information_of_a_choice, square_is_not_negative, no_choice_takes_information)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "(-u)² = u².": ("information of a choice, line 3: sign of -mean_feature + feature(y)",),
}
