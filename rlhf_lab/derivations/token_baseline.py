"""A baseline for each token: any function b(s) of the text so far changes no mean.

H_n(s) is the mean of the sum over tokens of score times Q - b. By induction over n, as in
`token_gradient`. The rewards that were earned before a token are themselves a function of the text
so far: b(s) = -(what was earned) gives the return of the whole response. Greensmith et al. 2004,
"Variance reduction techniques for gradient estimates in reinforcement learning".
"""

from sympy import Derivative, Eq, Function, Integer

from rlhf_lab.derivations.checker.recursions import Turned
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.notation import factors, reward, terms, theta
from rlhf_lab.derivations.token_gradient import (
    G_MORE,
    G_ONE,
    IS_GRADIENT,
    gradient_to_go,
    of_one_token,
    reward_to_go,
    weighted,
)
from rlhf_lab.derivations.token_sequences import (
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
)

with_baseline = Function("with_baseline", real=True)
baseline = Function("baseline", real=True)

B = baseline(s)
ONE, MORE = with_baseline(1, s, theta), with_baseline(n + 1, s, theta)
H_ONE = by_first_token("one token with a baseline", ONE, of_one_token(terms(reward(s, a), -B)))
H_MORE = by_first_token(
    "first token with a baseline", MORE, weighted(terms(Q, -B), with_baseline(n, LONGER, theta))
)
NOTHING_CHANGES = Eq(with_baseline(n, s, theta), gradient_to_go(n, s, theta), evaluate=False)
KNOWN_BEFORE = "the score has mean 0 after any text, and b(s) is the same for every next token"


def token_score_has_mean_zero() -> Derivation:
    """Σ_a π(a | s) ∂ log π(a | s) = 0 after any text s, whatever came before. PPO-1."""
    return (
        begin("mean score of a token", over_tokens(factors(NEXT, SCORE)), TEXTS)
        .rewrite(over_tokens(Derivative(NEXT, theta)), "u ∂ log u = ∂u")
        .rewrite(Integer(0), "the probabilities sum to 1, so their slopes sum to 0")
    )


def baseline_of_one_token() -> Derivation:
    """H_1(s) = G_1(s): with one token to write."""
    return (
        begin("baseline, one token", ONE, TEXTS)
        .substitute(H_ONE.equation.rhs, "the reward, less the baseline", by=(H_ONE,))
        .rewrite(G_ONE.equation.rhs, KNOWN_BEFORE)
        .substitute(gradient_to_go(1, s, theta), "score times reward", by=(Turned(G_ONE),))
    )


def baseline_of_one_more_token() -> Derivation:
    """If H_n = G_n after every text, then H_{n+1} = G_{n+1}: a step of an induction."""
    later = gradient_to_go(n, LONGER, theta)
    return (
        begin("baseline, one more token", MORE, TEXTS)
        .substitute(H_MORE.equation.rhs, "by the first token", by=(H_MORE,))
        .assume(
            weighted(terms(Q, -B), later),
            "the later tokens, after the longer text",
            statement=NOTHING_CHANGES,
            for_every=(s,),
        )
        .rewrite(weighted(Q, later), KNOWN_BEFORE)
        .substitute(gradient_to_go(n + 1, s, theta), "by the first token", by=(Turned(G_MORE),))
    )


def baseline_of_the_text() -> Derivation:
    """H_n(s) = G_n(s): a baseline b(s), any function of the text so far, changes no mean. PPO-1."""
    return by_induction(
        NOTHING_CHANGES,
        n,
        base=baseline_of_one_token(),
        step=baseline_of_one_more_token(),
        name="baseline of the text",
    )


def any_baseline() -> Derivation:
    """E[Σ_t ∂ log π(a_t | s_t) (Q(s_t, a_t) - b(s_t))] = ∂/∂θ E[all rewards]. PPO-1.

    Sampled rewards to go may stand for Q. With b = V it is the advantage, with b = -(rewards before
    t) the return. b may depend on θ, since it is not differentiated; one value of θ is meant.
    """
    return (
        begin("any baseline", NOTHING_CHANGES.lhs, TEXTS)
        .substitute(IS_GRADIENT.lhs, "it changes no mean", by=(baseline_of_the_text(),))
        .substitute(IS_GRADIENT.rhs, "rewards to go", by=(reward_to_go(),))
    )


RESULTS = (
    token_score_has_mean_zero,
    baseline_of_one_token,
    baseline_of_one_more_token,
    baseline_of_the_text,
    any_baseline,
)

# Altered lines that say the same: why, and which.
_WITH_BASELINE = {
    "baseline, one token, line 2": "-baseline(s) + reward(s, a)",
    "baseline, one more token, line 2": "action_value(n, s, a, theta) - baseline(s)",
    "baseline, one more token, line 3": "action_value(n, s, a, theta) - baseline(s)",
}
_WITHOUT = ("baseline, one token, line 3", "baseline, one more token, line 4")
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Any other baseline, or none, has the same mean.": tuple(
        f"{line}: {change}"
        for line, returns in _WITH_BASELINE.items()
        for change in (
            f"without -baseline(s): {returns}",
            "without baseline(s): -baseline(s)",
            *(f"{way} -baseline(s)" for way in ("sign of", "twice", "square of")),
            "square of baseline(s)",
            *(f"{way} s, place 3" for way in ("sign of", "twice", "square of")),
        )
    ),
    "The line is 0 after any text, for any parameter.": tuple(
        f"mean score of a token, line 2: {change} {part}"
        for part, changes in {
            "Sum(Derivative(policy(a, s, theta), theta), (a, 1, K))": 3,
            "Derivative(policy(a, s, theta), theta)": 2,
            "policy(a, s, theta)": 2,
            "s": 3,
            "theta": 3,
        }.items()
        for change in ("sign of", "twice", "square of")[:changes]
    ),
    "log 2π and log π have one derivative.": tuple(
        f"{line}: twice policy(a, s, theta)" for line in (*_WITH_BASELINE, *_WITHOUT)
    ),
}
