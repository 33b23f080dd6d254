"""What the estimators of the KL teach the policy: as losses on its own samples, and as rewards.

In a loss the samples are fixed: they were drawn with the parameters θ_old, and only the estimator
knows θ. On the policy's own samples θ_old = θ. Any number N of outcomes y; θ is any one parameter.
"""

from sympy import Derivative, Eq, Expr, Function, Integer, Rational, Sum, Symbol, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, factors, policy, reference, terms, theta, y

theta_old = Symbol("theta_old", real=True)
NEW, OLD, REF = policy(y, theta), policy(y, theta_old), reference(y)
k1 = Function("k1", real=True)(y, theta)
SAMPLES = Given(
    ranges=((y, 1, N),),
    definitions=(Eq(k1, log(NEW / REF), evaluate=False),),
    distributions=(NEW, REF),
    statement="Outcomes y = 1 to N, all of positive probability, drawn from the policy with "
    "parameters θ old. The reference does not depend on θ, which is any one parameter of the "
    "policy. k1 stands for log π/ref.",
)
INVERSE = REF / NEW
SCORE = Derivative(log(NEW), theta)
OUTCOMES = (y, 1, N)
OWN = {"letter": theta_old, "value": theta}


def over_samples(body: Expr) -> Expectation:
    """The mean over the old policy's samples."""
    return Expectation(body, OLD, y, N)


def under_policy(body: Expr) -> Expectation:
    """The mean over the policy's own samples."""
    return Expectation(body, NEW, y, N)


def k1_as_loss() -> Derivation:
    """E[∂k1] = 0: as a loss k1 teaches nothing, whatever the reference. RLHF-9."""
    return (
        begin("k1 as a loss", over_samples(k1), SAMPLES)
        .differentiate(theta, "the samples and the reference are fixed", over_samples(SCORE))
        .value_at(
            Sum(Derivative(NEW, theta), OUTCOMES),
            "the policy's own samples, and π ∂ log π = ∂π",
            **OWN,
        )
        .rewrite(Integer(0), "the probabilities always sum to 1, so their slopes sum to 0")
    )


def k2_as_loss() -> Derivation:
    """E[∂k2] = ∂KL[π ‖ ref]: as a loss k2 has the gradient of the KL. RLHF-9."""
    return (
        begin("k2 as a loss", over_samples(factors(Rational(1, 2), k1**2)), SAMPLES)
        .differentiate(
            theta,
            "the samples and the reference are fixed",
            over_samples(factors(k1, SCORE)),
        )
        .value_at(under_policy(factors(k1, SCORE)), "the policy's own samples", **OWN)
        .rewrite(Sum(factors(k1, Derivative(NEW, theta)), OUTCOMES), "π ∂ log π = ∂π")
        .rewrite(
            Derivative(KL(NEW, REF, y, N), theta),
            "the slope of π log(π/ref) has one more term, ∂π, and these sum to 0",
        )
    )


def k3_as_loss() -> Derivation:
    """E[∂k3] = ∂KL[ref ‖ π]: as a loss k3 has the other direction's gradient. RLHF-9, GRPO-7."""
    return (
        begin("k3 as a loss", over_samples(terms(INVERSE, -1, -log(INVERSE))), SAMPLES)
        .differentiate(
            theta,
            "the samples and the reference are fixed",
            over_samples(factors(terms(1, -INVERSE), SCORE)),
        )
        .value_at(
            under_policy(factors(terms(1, -INVERSE), SCORE)), "the policy's own samples", **OWN
        )
        .rewrite(-Sum(factors(REF, SCORE), OUTCOMES), "the mean score is 0; π times ref/π is ref")
        .rewrite(Derivative(KL(REF, NEW, y, N), theta), "log ref does not depend on θ")
    )


def k1_in_the_reward() -> Derivation:
    """∂KL[π ‖ ref] = E[k1 ∂ log π]: k1 belongs in the reward. RLHF-9.

    This is the policy gradient with the log-ratio as reward; that the log-ratio itself depends on
    θ adds the mean score, which is 0.
    """
    return (
        begin("k1 in the reward", KL(NEW, REF, y, N), SAMPLES)
        .differentiate(
            theta,
            "the product rule; π times the slope of the log-ratio is ∂π",
            Sum(factors(terms(k1, 1), Derivative(NEW, theta)), OUTCOMES),
        )
        .rewrite(under_policy(factors(terms(k1, 1), SCORE)), "∂π = π ∂ log π")
        .rewrite(under_policy(factors(k1, SCORE)), "the mean score is 0")
    )


RESULTS = (k1_as_loss, k2_as_loss, k3_as_loss, k1_in_the_reward)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π has the derivative of log π, and KL[π ‖ 2 ref] that of KL[π ‖ ref].": (
        "k1 as a loss, line 2: twice policy(y, theta)",
        "k2 as a loss, line 2: twice policy(y, theta)",
        "k2 as a loss, line 3: twice policy(y, theta)",
        "k2 as a loss, line 5: twice reference(y)",
        "k3 as a loss, line 2: twice policy(y, theta), place 2",
        "k3 as a loss, line 3: twice policy(y, theta), place 2",
        "k3 as a loss, line 4: twice policy(y, theta)",
        "k3 as a loss, line 5: twice policy(y, theta)",
        "k1 in the reward, line 3: twice policy(y, theta)",
        "k1 in the reward, line 4: twice policy(y, theta)",
    ),
    "Line 3 is 0, and so are its multiples and its square; slopes at any parameter sum to 0.": (
        "k1 as a loss, line 3: sign of Sum(Derivative(policy(y, theta), theta), (y, 1, N))",
        "k1 as a loss, line 3: twice Sum(Derivative(policy(y, theta), theta), (y, 1, N))",
        "k1 as a loss, line 3: square of Sum(Derivative(policy(y, theta), theta), (y, 1, N))",
        "k1 as a loss, line 3: sign of Derivative(policy(y, theta), theta)",
        "k1 as a loss, line 3: twice Derivative(policy(y, theta), theta)",
        "k1 as a loss, line 3: sign of policy(y, theta)",
        "k1 as a loss, line 3: twice policy(y, theta)",
        "k1 as a loss, line 3: sign of theta",
        "k1 as a loss, line 3: twice theta",
        "k1 as a loss, line 3: square of theta",
        "k1 as a loss, line 3: theta_old for theta",
    ),
    "Any number may stand where the 1 stands, since the mean score is 0.": (
        "k3 as a loss, line 3: without 1: 1 - reference(y)/policy(y, theta)",
        "k3 as a loss, line 3: sign of 1",
        "k3 as a loss, line 3: twice 1",
        "k1 in the reward, line 2: without 1: k1(y, theta) + 1",
        "k1 in the reward, line 2: sign of 1",
        "k1 in the reward, line 2: twice 1",
        "k1 in the reward, line 2: square of 1",
        "k1 in the reward, line 3: without 1: k1(y, theta) + 1",
        "k1 in the reward, line 3: sign of 1",
        "k1 in the reward, line 3: twice 1",
        "k1 in the reward, line 3: square of 1",
    ),
}
