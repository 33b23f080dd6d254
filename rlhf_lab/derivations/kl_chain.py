"""The KL of whole responses is the expected sum of the KLs of their tokens: the chain rule.

Any vocabulary, any number n of tokens: one token after another, by induction over the step that
`two_stages` shows for two. `token_sums` says what K, R, T and D stand for.
Cover and Thomas 2006, "Elements of Information Theory", theorem 2.5.3.
"""

from sympy import Integer

from rlhf_lab.derivations.checker.recursions import Turned
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.token_sums import (
    KLS,
    RATIOS,
    TOKENS,
    WHOLE,
    TokenSum,
    expected,
    kls,
    n,
    ratios,
    s,
    u,
    whole,
)


def whole_of_one_token() -> Derivation:
    """K_1(s, u, v) = u log(u/v) + u D_1(s): the base of an induction."""
    return WHOLE.base()


def whole_of_one_more() -> Derivation:
    """K_{n+1}(s, u, v) = u log(u/v) + u D_{n+1}(s) if it holds for n: its step."""
    return WHOLE.step()


def whole_responses() -> Derivation:
    """K_n(s, u, v) = u log(u/v) + u D_n(s) for any n. RLHF-9."""
    return WHOLE.theorem()


def ratios_of_one_token() -> Derivation:
    """R_1(s, u, c) = u c + u D_1(s): the base of an induction."""
    return RATIOS.base()


def ratios_of_one_more() -> Derivation:
    """R_{n+1}(s, u, c) = u c + u D_{n+1}(s) if it holds for n: its step."""
    return RATIOS.step()


def kls_of_one_token() -> Derivation:
    """T_1(s, u, c) = u c + u D_1(s): the base of an induction."""
    return KLS.base()


def kls_of_one_more() -> Derivation:
    """T_{n+1}(s, u, c) = u c + u D_{n+1}(s) if it holds for n: its step."""
    return KLS.step()


def at_the_prompt(total: TokenSum) -> Derivation:
    """The claim where no token is there yet: u = v = 1, c = 0."""
    nothing = Integer(0) if total.gathered == total.letter else Integer(1)
    return total.theorem().at({u: Integer(1), total.letter: nothing}, TOKENS)


def chain_rule() -> Derivation:
    """KL of whole responses = mean over responses of Σ_t KL of token t. RLHF-9."""
    return (
        begin("chain rule", whole(n, s, 1, 1), TOKENS, "the KL of whole responses")
        .substitute(expected(n, s), "token after token", by=(at_the_prompt(WHOLE),))
        .substitute(
            kls(n, s, 1, 0),
            "the mean over responses of the sum of token KLs",
            by=(Turned(at_the_prompt(KLS)),),
        )
    )


def sum_of_log_ratios() -> Derivation:
    """Mean over responses of Σ_t log-ratio of token t = that of Σ_t KL of token t. RLHF-9."""
    return (
        begin("sum of log-ratios", ratios(n, s, 1, 0), TOKENS, "the mean of the sum of log-ratios")
        .substitute(expected(n, s), "token after token", by=(at_the_prompt(RATIOS),))
        .substitute(
            kls(n, s, 1, 0),
            "the mean over responses of the sum of token KLs",
            by=(Turned(at_the_prompt(KLS)),),
        )
    )


RESULTS = (
    whole_of_one_token,
    whole_of_one_more,
    whole_responses,
    ratios_of_one_token,
    ratios_of_one_more,
    kls_of_one_token,
    kls_of_one_more,
    chain_rule,
    sum_of_log_ratios,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "For every s the probabilities of a sum to 1, p or q, and the KL is free of a.": (
        "token KLs, one token, line 2: q_next for p_next(a, s)",
        "token KLs, one token, line 2: sign of s",
        "token KLs, one token, line 2: twice s",
        "token KLs, one token, line 2: square of s",
        "token KLs, one token, line 2: A for s",
    ),
    "1² = 1.": (
        "whole responses, one token, line 4: square of 1",
        "whole responses, one token more, line 5: square of 1",
    ),
}
