"""The policy gradient of a language model, token by token: score times the mean rewards to go.

By induction over n, the largest number of tokens that may still be written (see
`token_sequences`). V_n(s) is the mean sum of rewards from the text s on, G_n(s) the mean of the
sum over tokens of score times Q, the mean of the rewards from that token on. Sampled rewards to go
in the place of Q have the same mean: given text and token, their mean is Q (the tower rule).
Sutton et al. 2000, "Policy gradient methods for reinforcement learning with function
approximation", theorem 1.
"""

from sympy import Derivative, Eq, Expr, Function

from rlhf_lab.derivations.checker.recursions import Turned
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.notation import factors, reward, terms, theta
from rlhf_lab.derivations.token_sequences import (
    GOES_ON,
    LONGER,
    NEXT,
    SCORE,
    TEXTS,
    Q,
    a,
    by_first_token,
    n,
    over_tokens,
    s,
    value,
)

gradient_to_go = Function("gradient_to_go", real=True)

V_ONE = by_first_token(
    "value of one token", value(1, s, theta), over_tokens(factors(NEXT, reward(s, a)))
)
V_MORE = by_first_token(
    "value by the first token", value(n + 1, s, theta), over_tokens(factors(NEXT, Q))
)


def weighted(returns: Expr, later: Expr) -> Expr:
    """Σ_a π [returns times ∂ log π, plus what later tokens add where the response goes on]."""
    return over_tokens(factors(NEXT, terms(factors(returns, SCORE), factors(GOES_ON, later))))


def of_one_token(returns: Expr) -> Expr:
    """Σ_a π times returns times ∂ log π."""
    return over_tokens(factors(NEXT, returns, SCORE))


G_ONE = by_first_token(
    "gradient of one token", gradient_to_go(1, s, theta), of_one_token(reward(s, a))
)
G_MORE = by_first_token(
    "gradient by the first token",
    gradient_to_go(n + 1, s, theta),
    weighted(Q, gradient_to_go(n, LONGER, theta)),
)
IS_GRADIENT = Eq(gradient_to_go(n, s, theta), Derivative(value(n, s, theta), theta), evaluate=False)


def gradient_of_one_token() -> Derivation:
    """G_1(s) = ∂V_1(s)/∂θ: one token is a policy gradient of K responses."""
    return (
        begin("gradient of one token", gradient_to_go(1, s, theta), TEXTS)
        .substitute(G_ONE.equation.rhs, "score times reward", by=(G_ONE,))
        .rewrite(Derivative(V_ONE.equation.rhs, theta), "u ∂ log u = ∂u")
        .substitute(Derivative(value(1, s, theta), theta), "the value", by=(Turned(V_ONE),))
    )


def gradient_of_one_more_token() -> Derivation:
    """If G_n = ∂V_n after every text, then G_{n+1} = ∂V_{n+1}: a step of an induction."""
    slope = Derivative(value(n, LONGER, theta), theta)
    return (
        begin("gradient of one more token", gradient_to_go(n + 1, s, theta), TEXTS)
        .substitute(G_MORE.equation.rhs, "by the first token", by=(G_MORE,))
        .assume(
            weighted(Q, slope),
            "the later tokens, after the longer text",
            statement=IS_GRADIENT,
            for_every=(s,),
        )
        .rewrite(
            over_tokens(
                terms(factors(Derivative(NEXT, theta), Q), factors(NEXT, Derivative(Q, theta)))
            ),
            "u ∂ log u = ∂u; of Q only the value depends on θ",
        )
        .rewrite(Derivative(V_MORE.equation.rhs, theta), "the product rule")
        .substitute(Derivative(value(n + 1, s, theta), theta), "the value", by=(Turned(V_MORE),))
    )


def reward_to_go() -> Derivation:
    """E[Σ_t ∂ log π(a_t | s_t) Q(s_t, a_t)] = ∂/∂θ E[all rewards], for any n. PPO-1.

    Q is the mean of the rewards from t on. By the tower rule those that were sampled may stand in
    its place.
    """
    return by_induction(
        IS_GRADIENT,
        n,
        base=gradient_of_one_token(),
        step=gradient_of_one_more_token(),
        name="rewards to go",
    )


RESULTS = (gradient_of_one_token, gradient_of_one_more_token, reward_to_go)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "gradient of one token, line 2: twice policy(a, s, theta)",
        "gradient of one more token, line 2: twice policy(a, s, theta)",
        "gradient of one more token, line 3: twice policy(a, s, theta)",
    ),
}
