"""GRPO's objective: its gradient token by token, and what it is worth at the first step.

Shao et al. 2024 (GRPO, arXiv 2402.03300), Eq. 3 and 4, and the gradient coefficients of their
appendix. Where the ratio is inside the clip range; outside, the first term has no gradient.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Function, Integer, Rational, Sum, Symbol, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_advantages import sum_of_advantages
from rlhf_lab.derivations.group_notation import CENTRED, GROUP, G, i
from rlhf_lab.derivations.notation import beta, factors, over, terms, theta
from rlhf_lab.derivations.policy_gradient import t

A = Symbol("A", real=True)
D = Symbol("D", positive=True)
token_policy = Function("token_policy", positive=True)
token_old = Function("token_old", positive=True)
token_reference = Function("token_reference", positive=True)
tokens = Function("tokens", integer=True, positive=True)
NOW, OLD, REFERENCE = token_policy(t, i, theta), token_old(t, i), token_reference(t, i)
RATIO = over(NOW, OLD)
K3 = terms(over(REFERENCE, NOW), -1, -log(REFERENCE / NOW))
PENALTY_SLOPE = terms(1 / NOW, -over(REFERENCE, NOW**2))
ONE_TOKEN = Given(
    statement="Token t of response i, its probability under the policy, under the policy that "
    "drew it and under the reference; A is its advantage, a number that does not depend on θ."
)
ON_POLICY = replace(
    ONE_TOKEN,
    definitions=(Eq(OLD, NOW, evaluate=False),),
    statement=f"{ONE_TOKEN.statement} The policy is still the one that drew it.",
)
FIRST_STEP = replace(
    GROUP,
    definitions=(Eq(OLD, NOW, evaluate=False), Eq(REFERENCE, NOW, evaluate=False)),
    statement="G responses of any lengths, drawn by the reference itself, from which training "
    "begins; D is what the centred rewards are divided by.",
)


def token_gradient() -> Derivation:
    """∂/∂θ [ρ A - β k3] = (ρ A + β (ref/π - 1)) ∂ log π. GRPO-7."""
    slope = Derivative(log(NOW), theta)
    return (
        begin("GRPO of a token", terms(factors(RATIO, A), factors(-1, beta, K3)), ONE_TOKEN)
        .differentiate(
            theta,
            "the old policy and the reference are fixed",
            terms(
                factors(over(Derivative(NOW, theta), OLD), A),
                factors(-1, beta, PENALTY_SLOPE, Derivative(NOW, theta)),
            ),
        )
        .rewrite(
            factors(
                terms(factors(RATIO, A), factors(beta, terms(over(REFERENCE, NOW), -1))),
                slope,
            ),
            "∂u = u ∂ log u",
        )
    )


def gradient_coefficient() -> Derivation:
    """Where π_old = π it is A + β (ref/π - 1) times ∂ log π: the gradient coefficient. GRPO-7.

    A token that the policy makes likelier than the reference does is pushed down by at most β; one
    that it makes less likely is pushed up without bound.
    """
    coefficient = terms(A, factors(beta, terms(over(REFERENCE, NOW), -1)))
    return begin(
        "gradient coefficient", token_gradient().end, ON_POLICY, "the gradient of a token"
    ).rewrite(factors(coefficient, Derivative(log(NOW), theta)), "the ratio is 1")


def response_at_the_first_step() -> Derivation:
    """Before the first step a response is worth its advantage, however long it is. GRPO-7."""
    inside = terms(factors(RATIO, A), factors(-1, beta, K3))
    return (
        begin(
            "a response at the first step",
            factors(1 / tokens(i), Sum(inside, (t, 1, tokens(i)))),
            FIRST_STEP,
        )
        .rewrite(factors(1 / tokens(i), Sum(A, (t, 1, tokens(i)))), "every ratio is 1, every k3 0")
        .rewrite(A, "the mean of equal numbers")
    )


def value_at_the_first_step() -> Derivation:
    """So the objective is 0 then, whatever the rewards. GRPO-7."""
    advantages = Sum(over(CENTRED, D), (i, 1, G))
    return begin(
        "value at the first step",
        factors(1 / G, advantages),
        FIRST_STEP,
        "what each response is worth, in the mean",
    ).substitute(Integer(0), "advantages sum to 0", by=(sum_of_advantages(),))


def gradient_at_the_first_step() -> Derivation:
    """Its gradient is not 0: two responses of one token, the first one better. GRPO-7.

    The policy is σ(θ) for the first, σ(-θ) for the second, θ_old where they were drawn; their
    advantages are a and -a.
    """
    old = Symbol("theta_old", real=True)
    a = Symbol("a", positive=True)
    first, second = over(Sigmoid(theta), Sigmoid(old)), over(Sigmoid(-theta), Sigmoid(-old))
    both = factors(Sigmoid(theta), Sigmoid(-theta))
    return (
        begin(
            "gradient at the first step",
            factors(Rational(1, 2), terms(factors(first, a), factors(-1, second, a))),
        )
        .differentiate(
            theta,
            "the slope of σ(u) is σ(u) σ(-u)",
            factors(Rational(1, 2), a, both, terms(1 / Sigmoid(old), 1 / Sigmoid(-old))),
        )
        .above(Integer(0), "every factor is positive")
    )


RESULTS = (
    token_gradient,
    gradient_coefficient,
    response_at_the_first_step,
    value_at_the_first_step,
    gradient_at_the_first_step,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "GRPO of a token, line 3: twice token_policy(t, i, theta), place 2",
        "gradient coefficient, line 2: twice token_policy(t, i, theta), place 2",
    ),
    "(-π)² = π².": ("GRPO of a token, line 2: sign of token_policy(t, i, theta), place 2",),
}
