"""The variance of GAE where the values are exact: it rises with λ.

With exact values a TD error has mean 0 whatever came before (`exact_errors_have_mean_zero`), so
the TD errors of different tokens are uncorrelated and their variances add. Where values are wrong
they need not be, and nothing here is claimed.
Schulman et al. 2016 (arXiv 1506.02438), section 3, says it in words.
"""

from sympy import Eq, Function, Integer, Sum, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Expectation
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.gae import after, gamma, lam, later, n, t
from rlhf_lab.derivations.notation import factors, terms

M, K, x, y, k = symbols("M K x y k", integer=True, positive=True)
c = symbols("c", real=True)
past, given_past = Function("p", positive=True), Function("p_next", positive=True)
so_far, drawn, centred = (Function(i, real=True) for i in ("f", "u", "g"))
noise, variance = Function("noise", positive=True), Function("variance", real=True)

NEXT = given_past(y, x)
ONE_MORE = Given(
    ranges=((x, 1, M), (y, 1, K)),
    definitions=(
        Eq(
            centred(y, x),
            drawn(y, x) - Sum(NEXT * drawn(y, x), (y, 1, K)),
            evaluate=False,
        ),
    ),
    distributions=(past(x), NEXT),
    statement="What came before is x, with probability p(x); y comes next, with a probability "
    "that depends on x. f is any function of the past, g one that has mean 0 after every past.",
)
TOKENS = Given(
    statement="Exact values. The noise of a token is the mean square of its TD error, each above "
    "0, and the variance of n is that of GAE over n tokens, which has mean 0."
)
FIRST = Recursion("one token", Eq(variance(1), noise(t), evaluate=False), TOKENS)
ANOTHER = Recursion(
    "uncorrelated errors",
    Eq(
        variance(n + 1),
        variance(n) + (gamma * lam) ** (2 * n) * noise(t + n),
        evaluate=False,
    ),
    TOKENS,
)


def before(body) -> Expectation:
    """The mean over the past."""
    return Expectation(body, past(x), x, M)


def after_it(body) -> Expectation:
    """The mean over what comes next, given the past."""
    return Expectation(body, NEXT, y, K)


def cross_term() -> Derivation:
    """E[f g] = 0 where g has mean 0 after every past."""
    return begin(
        "cross term", before(after_it(factors(so_far(x), centred(y, x)))), ONE_MORE
    ).rewrite(Integer(0), "f is known when g is drawn, and g has mean 0")


def variances_add() -> Derivation:
    """E[(f + c g)²] = E[f²] + c² E[g²] where g has mean 0 after every past."""
    both = terms(so_far(x), c * centred(y, x)) ** 2
    return begin("variances add", before(after_it(both)), ONE_MORE).rewrite(
        terms(before(so_far(x) ** 2), c**2 * before(after_it(centred(y, x) ** 2))),
        "multiply out: the cross term has mean 0",
    )


def variance_of_gae() -> Derivation:
    """Var Â_t = Σ_{l<n} (γλ)^(2l) E[δ_{t+l}²], for every n. PPO-10, -11.

    By induction: Â over n + 1 tokens is Â over n plus (γλ)^n δ_{t+n}, and `variances_add` with c
    = (γλ)^n says what the last token adds.
    """
    total = [
        Sum((gamma * lam) ** (2 * later) * noise(after(later)), (later, 0, m)) for m in (n - 1, n)
    ]
    statement = Eq(variance(n), total[0], evaluate=False)
    last = (gamma * lam) ** (2 * n) * noise(after(n))
    base = begin("variance of one", variance(1), TOKENS).substitute(noise(t), "δ", by=(FIRST,))
    step = (
        begin("variance of n + 1", variance(n + 1), TOKENS)
        .substitute(terms(variance(n), last), "variances add", by=(ANOTHER,))
        .assume(terms(total[0], last), "the statement for n", statement=statement)
        .rewrite(total[1], "one sum")
    )
    return by_induction(statement, n, base=base, step=step, name="variance of GAE")


def variance_rises() -> Derivation:
    """The variance of GAE rises with λ > 0, for γ > 0, if a later token has noise. PPO-10, -11.

    One is enough; here all have. So it is least at λ = 0, where it is that of one TD error, and on
    0 to 1 greatest at λ = 1.
    """
    total = Sum((gamma * lam) ** (2 * later) * noise(after(later)), (later, 0, n))
    powers = factors(2, k, gamma ** (2 * k), lam ** (2 * k - 1))
    slope = Sum(factors(powers, noise(after(k))), (k, 1, n))
    return (
        begin("variance rises", total, TOKENS, "n + 1 tokens")
        .differentiate(lam, "the power rule; the first term has no λ", slope)
        .above(Integer(0), "every term is positive")
    )


RESULTS = (cross_term, variances_add, variance_of_gae, variance_rises)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "The square, or an even power, of -u is that of u.": (
        "variances add, line 2: sign of f(x)",
        "variance rises, line 2: sign of gamma",
    ),
}
