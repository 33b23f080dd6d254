"""GSPO: GRPO with one ratio for a whole response, the geometric mean of its tokens' ratios.

Zheng et al. 2025, "Group Sequence Policy Optimization" (arXiv 2507.18071), Eq. 5 to 12; inside the
clip range.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Expr, Function, Sum, exp, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import i
from rlhf_lab.derivations.grpo import NOW, OLD, RATIO, A, tokens
from rlhf_lab.derivations.notation import factors, theta
from rlhf_lab.derivations.policy_gradient import t

sequence = Function("sequence_ratio", positive=True)(i, theta)
OVER_TOKENS = (t, 1, tokens(i))
SCORES = factors(1 / tokens(i), Sum(Derivative(log(NOW), theta), OVER_TOKENS))
ONE_RESPONSE = Given(
    definitions=(
        Eq(
            sequence,
            exp(factors(1 / tokens(i), Sum(log(NOW / OLD), OVER_TOKENS))),
            evaluate=False,
        ),
    ),
    statement="Response i of any length; A is its advantage, a number that does not depend on θ.",
)
ON_POLICY = replace(
    ONE_RESPONSE,
    definitions=(*ONE_RESPONSE.definitions, Eq(OLD, NOW, evaluate=False)),
    statement=f"{ONE_RESPONSE.statement} The policy is still the one that drew it.",
)


def gradient_of_gspo() -> Derivation:
    """∂ s A = s A 1/|o| Σ_t ∂ log π_t: every token of a response weighs the same. Eq. 10."""
    return begin("GSPO of a response", factors(sequence, A), ONE_RESPONSE).differentiate(
        theta, "∂ exp u = exp u ∂u, term by term", factors(sequence, A, SCORES)
    )


def first_step_of_gspo() -> Derivation:
    """Before the first step GSPO's gradient of a response is GRPO's, A 1/|o| Σ_t ρ_t ∂ log π_t.

    So the two part only where responses are used for more than one update.
    """
    return (
        begin("GSPO at the first step", gradient_of_gspo().end, ON_POLICY, "the gradient of GSPO")
        .rewrite(factors(A, SCORES), "every ratio of a token is 1, and so is their mean")
        .rewrite(grpo_gradient(), "which is the gradient of GRPO, where each ρ is 1 too")
    )


def grpo_gradient() -> Expr:
    """A 1/|o| Σ_t ρ_t ∂ log π_t: each token with its own ratio."""
    return factors(
        A,
        1 / tokens(i),
        Sum(factors(RATIO, Derivative(log(NOW), theta)), OVER_TOKENS),
    )


RESULTS = (gradient_of_gspo, first_step_of_gspo)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "GSPO of a response, line 2: twice token_policy(t, i, theta)",
        "GSPO at the first step, line 2: twice token_policy(t, i, theta)",
        "GSPO at the first step, line 3: twice token_policy(t, i, theta)",
    ),
    "Each ρ is 1 here, and 1² = 1.": (
        "GSPO at the first step, line 3: square of token_policy(t, i, theta)/token_old(t, i)",
        "GSPO at the first step, line 3: without token_policy(t, i, theta)/token_old(t, i): "
        "(token_policy(t, i, theta)/token_old(t, i))*Derivative(log(token_policy(t, i, theta)), "
        "theta)",
    ),
}
