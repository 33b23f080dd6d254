"""What RLHF maximises: its three forms and its gradient.

Ouyang et al. 2022 (InstructGPT, arXiv 2203.02155), Eq. 2. Any number of prompts and responses.
The penalty token by token is in `token_penalty`, PPO-ptx in `pretraining_mix`.
"""

from dataclasses import replace

from sympy import Derivative, Expr, Function, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import (
    N,
    beta,
    factors,
    policy,
    reference,
    reward,
    terms,
    theta,
    y,
)
from rlhf_lab.derivations.policy_gradient import (
    LIKELY,
    RESPONSES,
    SCORE,
    mean,
    score_has_mean_zero,
)

M, x = symbols("M x", integer=True, positive=True)
prompts = Function("prompts", positive=True)

ANSWER, FIRST_ANSWER = policy(y, x, theta), reference(y, x)
PROMPTS = Given(
    ranges=((x, 1, M), (y, 1, N)),
    distributions=(prompts(x), ANSWER, FIRST_ANSWER),
    statement="Prompts x = 1 to M from a data set, and responses y = 1 to N to each of them, "
    "all of positive probability.",
)


def over_prompts(body: Expr) -> Expectation:
    """The mean over the prompts of the data."""
    return Expectation(body, prompts(x), x, M)


def answered(body: Expr) -> Expectation:
    """The mean over the policy's responses to a prompt."""
    return Expectation(body, ANSWER, y, N)


def three_forms() -> Derivation:
    """E_π[r] - β KL[π ‖ ref] = E_π[r] - β E_π[log π/ref] = E_π[r - β log π/ref]. RLHF-8."""
    ratio = log(ANSWER / FIRST_ANSWER)
    gain = answered(reward(x, y))
    return (
        begin(
            "objective of RLHF",
            over_prompts(terms(gain, -beta * KL(ANSWER, FIRST_ANSWER, y, N))),
            PROMPTS,
        )
        .rewrite(over_prompts(terms(gain, -beta * answered(ratio))), "the definition of the KL")
        .rewrite(
            over_prompts(answered(terms(reward(x, y), -beta * ratio))),
            "both are means over responses of the policy",
        )
    )


# From here on for one prompt: the gradient of a mean over prompts is the mean of the gradients.
LOG_RATIO = log(LIKELY / reference(y))
PENALISED = terms(reward(y), -beta * LOG_RATIO)
OBJECTIVE = mean(PENALISED)
TWO_POLICIES = replace(RESPONSES, distributions=(LIKELY, reference(y)))


def rlhf_gradient() -> Derivation:
    """∂/∂θ E_π[r - β log π/ref] = E_π[(r - β log π/ref) ∂ log π]. RLHF-8.

    As if the penalty were part of a fixed reward: that it depends on θ itself adds -β times the
    mean score, which is 0.
    """
    return (
        begin("gradient of RLHF", Derivative(OBJECTIVE, theta), TWO_POLICIES)
        .rewrite(
            terms(mean(factors(PENALISED, SCORE)), -beta * mean(SCORE)),
            "the product rule: the policy moves, and so does the penalty",
        )
        .substitute(
            mean(factors(PENALISED, SCORE)), "the mean score is 0", by=(score_has_mean_zero(),)
        )
    )


RESULTS = (three_forms, rlhf_gradient)

# Altered lines that say the same: why, and which.
_SCORE = "Derivative(log(policy(y, theta)), theta)"
_MEAN = f"E[y ~ policy(y, theta)]({_SCORE})"
_REST = "E[y ~ policy(y, theta)]((-beta*log(policy(y, theta)/reference(y)) + reward(y))"
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "The mean score is 0: so is every multiple, its square, and the sum over no response.": tuple(
        f"gradient of RLHF, line 2: {change}"
        for change in (
            f"without -beta*{_MEAN}: -beta*{_MEAN} + {_REST}*{_SCORE})",
            *(f"{way} -beta*{_MEAN}" for way in ("sign of", "twice", "square of")),
            f"without beta: -beta*{_MEAN}",
            "square of beta, place 2",
            f"square of {_MEAN}",
            *(f"{way} {_SCORE}" for way in ("sign of", "twice")),
            *(f"{way} log(policy(y, theta)), place 2" for way in ("sign of", "twice")),
            *(f"{way} policy(y, theta), place 4" for way in ("sign of", "square of")),
            "sign of N, place 2",
        )
    ),
    "A constant in the penalty, β log 2, has no gradient; nor has log 2 in a score.": tuple(
        f"gradient of RLHF, line {line}: twice {part}"
        for line in (2, 3)
        for part in ("policy(y, theta)/reference(y)", "reference(y)", "policy(y, theta)")
    )
    + tuple(f"gradient of RLHF, line 2: twice policy(y, theta), place {n}" for n in (3, 4)),
}
