"""Generalised advantage estimation: the sum, its recursion, and its two ends, λ = 0 and λ = 1.

A response has n tokens left from token t on, any number n. The TD error of token t is
δ_t = r_t + γ V_{t+1} - V_t, from its reward and the values before and after it.
Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation"
(arXiv 1506.02438), Eq. 9 to 18; Schulman et al. 2017 (arXiv 1707.06347), Eq. 11 and 12.
"""

from dataclasses import replace

from sympy import Eq, Expr, Function, Sum, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, terms

gamma, lam = symbols("gamma lambda", positive=True)
no_weight = symbols("lambda", nonnegative=True)
t, n = symbols("t n", integer=True, positive=True)
later = symbols("l", integer=True, nonnegative=True)
reward, value = Function("token_reward", real=True), Function("value", real=True)
error, estimate = Function("delta", real=True), Function("estimate", real=True)

TD_ERROR = terms(reward(t), gamma * value(t + 1), -value(t))
RESPONSE = Given(
    definitions=(Eq(error(t), TD_ERROR, evaluate=False),),
    statement="One response: n tokens are left from token t on. γ and λ are above 0; what is "
    "proved of these sums are equalities of polynomials in γ and λ, and so they hold at 0 too.",
)
FIRST_ONLY = replace(
    RESPONSE,
    definitions=(*RESPONSE.definitions, Eq(no_weight, 0, evaluate=False)),
    statement="λ = 0. The estimate is GAE by its recursion, which `recursion` proves of the sum.",
)
ALL_ALIKE = replace(
    RESPONSE,
    definitions=(*RESPONSE.definitions, Eq(lam, 1, evaluate=False)),
    statement="λ = 1. After the n tokens from t on the value is 0.",
)


def after(*tokens: Expr | int) -> Expr:
    """t + l, written in this order: the token so many places after t."""
    return terms(t, *tokens)


LAST = Eq(value(after(n)), 0, evaluate=False)
NOTHING_AFTER = Recursion("no value after the last token", LAST, RESPONSE, fixed=(t, n))
STEP_BACK = Recursion(
    "the recursion of GAE",
    Eq(
        estimate(t),
        error(t) + gamma * no_weight * estimate(t + 1),
        evaluate=False,
    ),
    RESPONSE,
)


def gae(first: Expr | int, last: Expr | int) -> Sum:
    """Σ_{l=first}^{last} (γλ)^l δ_{t+l}."""
    return Sum((gamma * lam) ** later * error(after(later)), (later, first, last))


def recursion() -> Derivation:
    """Â_t = δ_t + γλ Â_{t+1}: from the n tokens after t to the n + 1 from t on. PPO-9."""
    rest = Sum((gamma * lam) ** later * error(after(1, later)), (later, 0, n - 1))
    return (
        begin("GAE recursion", gae(0, n), RESPONSE, "t and n more tokens")
        .rewrite(terms(error(t), gae(1, n)), "the first term apart")
        .rewrite(
            terms(error(t), factors(gamma * lam, rest)),
            "γλ in front, and the index moved by 1",
        )
    )


def lambda_zero() -> Derivation:
    """λ = 0: Â_t = δ_t, the TD error of one token. PPO-10."""
    return (
        begin("GAE at λ = 0", estimate(t), FIRST_ONLY)
        .substitute(
            terms(error(t), factors(gamma * no_weight, estimate(t + 1))),
            "the recursion",
            by=(STEP_BACK,),
        )
        .rewrite(error(t), "λ = 0")
        .rewrite(TD_ERROR, "the definition of the TD error")
    )


def lambda_one() -> Derivation:
    """λ = 1: Â_t = Σ_l γ^l r_{t+l} - V_t, the return minus the value. PPO-11."""
    rewards = Sum(gamma**later * reward(after(later)), (later, 0, n - 1))
    return (
        begin("GAE at λ = 1", gae(0, n - 1), ALL_ALIKE, "n tokens")
        .rewrite(Sum(gamma**later * error(after(later)), (later, 0, n - 1)), "λ = 1")
        .rewrite(terms(rewards, gamma**n * value(after(n)), -value(t)), "the values telescope")
        .substitute(
            terms(rewards, -value(t)), "nothing comes after the last token", by=(NOTHING_AFTER,)
        )
    )


RESULTS = (recursion, lambda_zero, lambda_one)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "γλ is λγ.": (
        "GAE recursion, line 2: gamma and lambda exchanged",
        "GAE recursion, line 3: gamma and lambda exchanged",
    ),
    "1 is 1².": (
        "GAE recursion, line 3: square of 1",
        "GAE at λ = 0, line 2: square of 1",
        "GAE at λ = 0, line 4: square of 1",
    ),
}
