"""The KL of whole responses is the expected sum of the KLs of their tokens: the chain rule.

Any number of outcomes, any number n of tokens; `token_sums` says what K, R, T and D stand for.
Cover and Thomas 2006, "Elements of Information Theory", theorem 2.5.3.
"""

from sympy import Expr, Integer, Sum, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.induction import Turned
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import p, q
from rlhf_lab.derivations.notation import factors, over, terms
from rlhf_lab.derivations.token_sums import (
    KLS,
    LOG_RATIO,
    RATIOS,
    TOKEN_KL,
    TOKENS,
    WHOLE,
    A,
    TokenSum,
    a,
    expected,
    kls,
    n,
    p_next,
    q_next,
    ratios,
    s,
    u,
    whole,
)

S = symbols("S", integer=True, positive=True)
TWO_STAGES = Given(
    ranges=((a, 1, A), (s, 1, S)),
    distributions=(p(s), q(s), p_next(a, s), q_next(a, s)),
    statement="First s = 1 to S, then a = 1 to A, whose distribution depends on s.",
)


def two_stages() -> Derivation:
    """KL of pairs (s, a) = KL of s + mean over s of the KL of a given s. RLHF-9."""
    joint = log(over(factors(p(s), p_next(a, s)), factors(q(s), q_next(a, s))))
    first = factors(p(s), log(p(s) / q(s)), Sum(p_next(a, s), (a, 1, A)))
    second = factors(p(s), Sum(p_next(a, s) * LOG_RATIO, (a, 1, A)))
    return (
        begin("two stages", over_pairs(joint), TWO_STAGES, "the KL of pairs")
        .rewrite(
            over_pairs(terms(log(p(s) / q(s)), LOG_RATIO)), "the logarithm of a product is a sum"
        )
        .rewrite(
            terms(Sum(first, (s, 1, S)), Sum(second, (s, 1, S))),
            "what does not depend on a leaves the sum over a",
        )
        .rewrite(
            terms(KL(p(s), q(s), s, S), Expectation(TOKEN_KL, p(s), s, S)),
            "for every s the probabilities of a sum to 1",
        )
    )


def over_pairs(body: Expr) -> Sum:
    """Σ_s Σ_a p(s) p(a | s) of the body."""
    return Sum(factors(p(s), p_next(a, s), body), (a, 1, A), (s, 1, S))


def whole_of_one_token() -> Derivation:
    """K_1(s, u, v) = u log(u/v) + u D_1(s): the base of an induction. RLHF-9."""
    return WHOLE.base()


def whole_of_one_more() -> Derivation:
    """K_{n+1}(s, u, v) = u log(u/v) + u D_{n+1}(s) if it holds for n: its step. RLHF-9."""
    return WHOLE.step()


def whole_responses() -> Derivation:
    """K_n(s, u, v) = u log(u/v) + u D_n(s) for any n. RLHF-9."""
    return WHOLE.theorem()


def ratios_of_one_token() -> Derivation:
    """R_1(s, u, c) = u c + u D_1(s): the base of an induction. RLHF-9."""
    return RATIOS.base()


def ratios_of_one_more() -> Derivation:
    """R_{n+1}(s, u, c) = u c + u D_{n+1}(s) if it holds for n: its step. RLHF-9."""
    return RATIOS.step()


def kls_of_one_token() -> Derivation:
    """T_1(s, u, c) = u c + u D_1(s): the base of an induction. RLHF-9."""
    return KLS.base()


def kls_of_one_more() -> Derivation:
    """T_{n+1}(s, u, c) = u c + u D_{n+1}(s) if it holds for n: its step. RLHF-9."""
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
    two_stages,
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
