"""Best of n: how far the best of n samples is from the policy that they are drawn from.

The best of n draws has a KL of log n - (n - 1)/n from one draw, if no response is likely by itself
and no two have one reward. Here that value, by an integral; in `best_of_n_bound` the bound that
it is for responses that can be counted (Beirami et al. 2024, arXiv 2401.01879). Any n.
"""

from sympy import Eq, Expr, Function, Integer, log, sqrt, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import log_bound
from rlhf_lab.derivations.notation import factors, over, t, terms

n = symbols("n", integer=True, positive=True)
u, x, h, c = symbols("u x h c", positive=True)
area = Function("area", real=True)
LIMIT = terms(log(n), -over(n - 1, n))


def density(quantile: Expr) -> Expr:
    """n u^(n - 1): how dense the best of n draws lies at the quantile u of one draw."""
    return n * quantile ** (n - 1)


def formula(quantile: Expr) -> Expr:
    """u^n [log n + (n - 1) log u - (n - 1)/n]."""
    return factors(quantile**n, terms(log(n), factors(n - 1, log(quantile)), -over(n - 1, n)))


def of_one(chance: Expr, drawn: Expr) -> Expr:
    """q log(q / p): what one response adds to the KL."""
    return factors(chance, log(over(chance, drawn)))


WITHOUT_TIES = Given(
    definitions=(Eq(area(u), formula(u), evaluate=False),),
    statement="A response's quantile u is the probability that one draw has a reward no larger. "
    "Where rewards are spread without ties it is uniform between 0 and 1, whatever the rewards "
    "are, and the best of n draws is the one of the largest quantile. The KL of two laws of the "
    "response is then that of their quantiles.",
)


def density_of_the_best() -> Derivation:
    """All n draws lie below u with probability u^n, so the best has the density n u^(n - 1)."""
    return begin(
        "density of the best", u**n, WITHOUT_TIES, "all n draws lie below u"
    ).differentiate(u, "the slope of a power", density(u))


def antiderivative() -> Derivation:
    """∂/∂u u^n [log n + (n - 1) log u - (n - 1)/n] is f log f for the density f = n u^(n - 1).

    f log f is what the KL integrates: the uniform density, in the denominator, is 1.
    """
    slope = factors(density(u), log(density(u)))
    return (
        begin("area of f log f", area(u), WITHOUT_TIES)
        .rewrite(formula(u), "its definition")
        .differentiate(u, "the product rule; what is left over cancels", slope)
    )


def kl_without_ties() -> Derivation:
    """The KL of the best of n is log n - (n - 1)/n: the area of f log f between 0 and 1.

    Between u and 1 it is that less area(u), and area(u) goes to 0 with u: u^n does, and
    u^n log u is u^(n - 1) times u log u, which lies between 2u - 2√u and 0
    (`nothing_is_left_at_0`).
    """
    return begin(
        "KL of best of n", terms(area(1), -area(u)), WITHOUT_TIES, "the area from u to 1"
    ).rewrite(terms(LIMIT, -area(u)), "the ends put in: log 1 = 0")


def nothing_is_left_at_0() -> Derivation:
    """u log u ≥ 2u - 2√u, so it goes to 0 with u; from log t ≤ t - 1 at t = 1/√u."""
    return begin("lower end", terms(u * log(u), 2 * sqrt(u), -2 * u), WITHOUT_TIES).bounded(
        Integer(0),
        "2u times the bound of the logarithm at 1/√u",
        by=log_bound().at({t: 1 / sqrt(u)}, WITHOUT_TIES),
        weight=2 * u,
    )


def area_above_a_tangent() -> Derivation:
    """Φ(x + h) - Φ(x) ≥ [(x + h)^n - x^n] (1 + log c) - c h, for every c > 0.

    f log f lies above its tangent at c, f (1 + log c) - c, so its area from x to x + h does: the
    gap is 0 at h = 0, and its slope is never negative.
    """
    end = x + h
    line = factors(terms(end**n, -(x**n)), terms(1, log(c)))
    return begin(
        "area above a tangent", terms(area(end), -area(x), -line, c * h), WITHOUT_TIES
    ).rising(
        Integer(0),
        "0 at h = 0; its slope is f times the bound of the logarithm at c/f",
        letter=h,
        by=log_bound().at({t: c / density(end)}, WITHOUT_TIES),
        weight=density(end),
    )


def one_response() -> Derivation:
    """q log(q/h) ≤ Φ(x + h) - Φ(x) for q = (x + h)^n - x^n: one response's part of the KL.

    x is the probability of what is worse, h its own: the tangent at the mean density c = q/h.
    """
    chance = terms((x + h) ** n, -(x**n))
    return begin("one response of the best", of_one(chance, h), WITHOUT_TIES).bounded(
        terms(area(x + h), -area(x)),
        "the area of f log f from x to x + h lies above its tangent at q/h",
        by=area_above_a_tangent().at({c: chance / h}, WITHOUT_TIES),
        weight=Integer(-1),
    )


def worst_response() -> Derivation:
    """h^n log(h^n / h) ≤ Φ(h): the same for the worst response, below which there is nothing."""
    return begin("the worst response", of_one(h**n, h), WITHOUT_TIES).bounded(
        area(h),
        "h to the power n times the bound of the logarithm at 1/n",
        by=log_bound().at({t: over(1, n)}, WITHOUT_TIES),
        weight=-(h**n),
    )


RESULTS = (
    density_of_the_best,
    antiderivative,
    kl_without_ties,
    nothing_is_left_at_0,
    area_above_a_tangent,
    one_response,
    worst_response,
)
