"""What GAE is off by where the value is off by a known error e: V = V* + e.

V* is the exact value of the policy, δ* the TD error that it gives. The error of the estimate is
worked out on every response, whatever was drawn: it holds in the mean too.
Schulman et al. 2016 (arXiv 1506.02438), section 3, says it in words.
"""

from dataclasses import replace

from sympy import Eq, Function, Integer, Sum

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gae import RESPONSE, after, error, gae, gamma, lam, later, n, t, value
from rlhf_lab.derivations.gae import reward as token_reward
from rlhf_lab.derivations.notation import factors, terms
from rlhf_lab.derivations.surrogate import LOG_SLOPE, NEW, SAMPLES, K, a, s, under

exact, exact_error = Function("exact", real=True), Function("exact_delta", real=True)
mistake, outcome = Function("e", real=True), Function("q", real=True)
WRONG = Given(
    definitions=(
        *RESPONSE.definitions,
        Eq(value(t), exact(t) + mistake(t), evaluate=False),
        Eq(exact_error(t), token_reward(t) + gamma * exact(t + 1) - exact(t), evaluate=False),
    ),
    statement="The value is the exact one plus an error e; the exact TD error has no e in it. "
    "After the n tokens from t on both values are 0, and so is e.",
)
ALL_ALIKE = replace(
    WRONG,
    definitions=(*WRONG.definitions, Eq(lam, 1, evaluate=False)),
    statement="Values with an error e, and λ = 1.",
)
NO_ERROR_AFTER = Recursion(
    "no error after the last token",
    Eq(mistake(after(n)), 0, evaluate=False),
    WRONG,
    fixed=(t, n),
)
STATE = replace(
    SAMPLES,
    definitions=(
        *SAMPLES.definitions,
        Eq(exact(s), Sum(NEW * outcome(a, s), (a, 1, K)), evaluate=False),
    ),
    statement="One state s. The exact value is the mean over actions of q, the reward of the "
    "action plus the discounted value of the state after it.",
)

DRIFT = Sum(
    (gamma * lam) ** later * terms(gamma * mistake(after(1, later)), -mistake(after(later))),
    (later, 0, n - 1),
)
AHEAD = Sum((gamma * lam) ** later * mistake(after(1, later)), (later, 0, n - 1))


def exact_errors_have_mean_zero() -> Derivation:
    """E_{a~π}[δ*] = 0 in every state: with V* an action is as good as expected. PPO-10, -11."""
    return (
        begin("mean of an exact TD error", under(NEW, terms(outcome(a, s), -exact(s))), STATE)
        .rewrite(
            terms(Sum(factors(NEW, outcome(a, s)), (a, 1, K)), -exact(s)), "probabilities sum to 1"
        )
        .rewrite(Integer(0), "the definition of the exact value")
    )


def wrong_values() -> Derivation:
    """Â_t = Σ_l (γλ)^l δ*_{t+l} + Σ_l (γλ)^l (γ e_{t+l+1} - e_{t+l}). PPO-10, -11."""
    right = Sum((gamma * lam) ** later * exact_error(after(later)), (later, 0, n - 1))
    return begin("GAE with wrong values", gae(0, n - 1), WRONG).rewrite(
        terms(right, DRIFT), "each TD error is off by the errors of its two values"
    )


def bias() -> Derivation:
    """Σ_l (γλ)^l (γ e_{t+l+1} - e_{t+l}) = -e_t + γ (1-λ) Σ_l (γλ)^l e_{t+l+1}. PPO-10, -11."""
    own, rest = -mistake(t), factors(gamma, 1 - lam, AHEAD)
    return (
        begin("error of GAE", DRIFT, WRONG, "what wrong values add")
        .rewrite(
            terms(own, rest, (gamma * lam) ** n * mistake(after(n))),
            "sort by the token whose value is wrong",
        )
        .substitute(terms(own, rest), "no value after the last token", by=(NO_ERROR_AFTER,))
    )


def bias_at_lambda_zero() -> Derivation:
    """λ = 0: δ_t = δ*_t - e_t + γ e_{t+1}: the error of the next value counts in full. PPO-10."""
    return begin("error at λ = 0", error(t), WRONG, "GAE at λ = 0").rewrite(
        terms(exact_error(t), -mistake(t), gamma * mistake(t + 1)), "V is exact plus e"
    )


def bias_at_lambda_one() -> Derivation:
    """λ = 1: -e_t alone: later errors cancel. PPO-11."""
    return begin("error at λ = 1", bias().end, ALL_ALIKE, "the error of GAE").rewrite(
        -mistake(t), "1 - λ is 0"
    )


def own_error_is_a_baseline() -> Derivation:
    """E_{a~π}[e(s) ∂ log π] = 0: the error that is left at λ = 1 biases no gradient. PPO-11.

    It depends on the state before the action, not on the action.
    """
    return begin("own error", under(NEW, factors(mistake(s), LOG_SLOPE)), SAMPLES).rewrite(
        Integer(0), "u ∂ log u = ∂u; probabilities sum to 1, so their slopes sum to 0"
    )


RESULTS = (
    exact_errors_have_mean_zero,
    wrong_values,
    bias,
    bias_at_lambda_zero,
    bias_at_lambda_one,
    own_error_is_a_baseline,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Line 2 is 0: so are minus it, twice it and its square.": (
        "mean of an exact TD error, line 2: sign of -exact(s) "
        "+ Sum(policy(a, s, theta)*q(a, s), (a, 1, K))",
        "mean of an exact TD error, line 2: twice -exact(s) "
        "+ Sum(policy(a, s, theta)*q(a, s), (a, 1, K))",
        "mean of an exact TD error, line 2: square of -exact(s) "
        "+ Sum(policy(a, s, theta)*q(a, s), (a, 1, K))",
    ),
    "1 is 1².": (
        "GAE with wrong values, line 2: square of 1",
        "error of GAE, line 2: square of 1",
        "error of GAE, line 2: square of 1, place 2",
        "error of GAE, line 3: square of 1",
        "error at λ = 0, line 2: square of 1",
    ),
}
