"""What may be put in for what: under derivatives, for defined letters, into a hypothesis."""

import pytest
from sympy import Derivative, Eq, Function, Integer, Lambda, Sum, Symbol, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.recursions import Recursion, Turned
from rlhf_lab.derivations.derivation import begin, by_induction
from rlhf_lab.derivations.notation import N, Z, policy, t, theta, y, z

theta_old, u = symbols("theta_old u", real=True)
n, s, k = symbols("n s k", integer=True, positive=True)
NEW, OLD = policy(y, theta), policy(y, theta_old)
POLICIES = Given(ranges=((y, 1, N),), distributions=(NEW,))
f, g = Function("f", real=True), Function("g", real=True)


def test_the_value_of_a_slope_is_not_the_slope_of_the_value():
    """∂/∂θ π_θ π_old at θ = θ_old is π ∂π; the slope of π² is twice that."""
    line = begin("product", NEW * OLD, POLICIES).differentiate(theta, "the old one is fixed")
    there = OLD * Derivative(OLD, theta_old)
    at = {"letter": theta, "value": theta_old}
    assert line.value_at(there, "both are one", **at).lines[-1].evidence.kind == "computed"
    assert line.value_at(there, "both are one", **at).sign == ""
    with pytest.raises(DerivationError, match="the two sides differ"):
        line.value_at(2 * there, "slope of the square", **at)


def test_a_chain_of_slopes_keeps_its_letter():
    line = begin("slope", Derivative(NEW * OLD, theta, evaluate=False), POLICIES)
    line = line.rewrite(OLD * Derivative(NEW, theta), "the old one is fixed")
    assert line.at({theta_old: z}, POLICIES).end == policy(y, z) * Derivative(NEW, theta)
    for wrong in ({theta: theta_old}, {theta_old: theta}, {theta: Integer(1)}):
        with pytest.raises(DerivationError, match="differentiated along"):
            line.at(wrong, POLICIES)
    product = begin("product", theta * u).differentiate(theta, "linear")
    for wrong in ({u: theta}, {theta: u}, {theta: Integer(1)}):
        with pytest.raises(DerivationError, match="differentiated along"):
            product.at(wrong, Given())


def test_a_value_is_in_the_domain_of_its_letter():
    with pytest.raises(DerivationError, match="not above 0"):
        begin("root", t).value_at(-z * z, "negative", letter=t, value=-z * z)
    line = begin("defined", Z, Given(definitions=(Eq(Z, t**2, evaluate=False),)))
    with pytest.raises(DerivationError, match="is defined"):
        line.value_at(Integer(2), "any", letter=Z, value=Integer(2))


def test_nothing_else_stands_for_a_defined_letter():
    given = Given(definitions=(Eq(Z, t**2, evaluate=False),))
    square = begin("square", Z, given).rewrite(t**2, "the definition")
    with pytest.raises(DerivationError, match="nothing else may stand for it"):
        square.at({Z: t}, given)


DOUBLE = Recursion("doubling", Eq(f(n + 1, u), f(n, 2 * u), evaluate=False), Given())
ONCE = Recursion("doubling", Eq(f(Integer(1), u), 2 * u, evaluate=False), Given())
CLAIM = Eq(f(n, u), 2**n * u, evaluate=False)


def doubled(**hypothesis):
    base = begin("base", f(1, u)).substitute(2 * u, "the first", by=(ONCE,))
    step = (
        begin("step", f(n + 1, u))
        .substitute(f(n, 2 * u), "the next", by=(DOUBLE,))
        .assume(2**n * 2 * u, "at n, for 2u", statement=CLAIM, **hypothesis)
        .rewrite(2 ** (n + 1) * u, "one more factor")
    )
    return by_induction(CLAIM, n, base=base, step=step, name="doubling")


def test_a_hypothesis_holds_for_every_value_of_the_other_letters():
    assert doubled(for_every=(u,)).equation == CLAIM
    with pytest.raises(DerivationError, match="does not occur"):
        doubled()


def test_a_hypothesis_holds_at_n_alone():
    """f(n + 2) = 2 f(n + 1) with f(1) = 1, and a hypothesis at n + 1 as well: refused."""
    claim = Eq(g(n), Integer(1), evaluate=False)
    step = begin("step", g(n + 1)).assume(Integer(1), "at every n", statement=claim, for_every=(n,))
    first = Recursion("first", Eq(g(Integer(1)), Integer(1), evaluate=False), Given())
    base = begin("base", g(1)).substitute(Integer(1), "the first", by=(first,))
    with pytest.raises(DerivationError, match="holds at n only"):
        by_induction(claim, n, base=base, step=step, name="all ones")


def test_a_hypothesis_in_a_sum_keeps_its_own_letters():
    """f(n, u) = k u says nothing of f(n, 2u) under a sum over k."""
    claim = Eq(f(n, u), k * u, evaluate=False)
    total = begin("sum", Sum(f(n, 2 * u), (k, 1, N)))
    with pytest.raises(DerivationError, match="does not occur"):
        total.assume(Sum(k * 2 * u, (k, 1, N)), "captured", statement=claim, for_every=(u,))
    other = begin("sum", Sum(f(n, s * u), (s, 1, N)))
    told = other.assume(Sum(k * s * u, (s, 1, N)), "free", statement=claim, for_every=(u,))
    assert told.lines[-1].evidence.kind == "by hypothesis"


def test_a_hypothesis_is_used_in_its_domain_only():
    p, v = Function("p", real=True), Symbol("v", positive=True)
    claim = Eq(p(n, v), v, evaluate=False)
    with pytest.raises(DerivationError, match="not above 0"):
        begin("sign", p(n, -v)).assume(-v, "at -v", statement=claim, for_every=(v,))


def test_nothing_else_stands_for_what_a_recursion_defines():
    """f(n, u) = 2^n u holds for the f of the recursion, for any u, and for no other function."""
    theorem = doubled(for_every=(u,))
    assert theorem.at({u: t}, Given()).end == 2**n * t
    with pytest.raises(DerivationError, match="by a recursion in f"):
        theorem.at({f: Lambda((n, u), u)}, Given())
    user = begin("user", f(n, u)).substitute(2**n * u, "the closed form", by=(theorem,))
    with pytest.raises(DerivationError, match="by a recursion in f"):
        user.at({f: Lambda((n, u), u)}, Given())


def test_a_definition_may_be_used_from_right_to_left():
    line = begin("back", 2 * u).substitute(f(Integer(1), u), "the first", by=(Turned(ONCE),))
    assert line.lines[-1].evidence.kind == "by definition"
    with pytest.raises(DerivationError, match="by a recursion in f"):
        line.at({f: Lambda((n, u), u)}, Given())
