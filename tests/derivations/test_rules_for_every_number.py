"""Induction, slopes that never fall, and cases: what they accept, and what they refuse."""

import pytest
from sympy import Derivative, Eq, Function, Integer, Min, Sum, exp, log, symbols

from rlhf_lab.derivations.checker.canonical import is_zero
from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.checker.signs import is_smooth
from rlhf_lab.derivations.derivation import begin, by_induction
from rlhf_lab.derivations.gibbs import log_bound

n, j = symbols("n j", integer=True, positive=True)
a = symbols("a", real=True)
h, s, t, A = symbols("h s t A", positive=True)
f, d = Function("f", real=True), Function("d", real=True)
GROWS = Recursion("f grows by d", Eq(f(n + 1), f(n) + d(n + 1), evaluate=False), Given())
START = Recursion("f starts at d", Eq(f(1), d(1), evaluate=False), Given())
TOTAL = Eq(f(n), Sum(d(j), (j, 1, n)), evaluate=False)


def base():
    return (
        begin("base", f(1))
        .substitute(d(1), "the start", by=(START,))
        .rewrite(Sum(d(j), (j, 1, 1)), "a sum of one")
    )


def step(statement=TOTAL):
    return (
        begin("step", f(n + 1))
        .substitute(f(n) + d(n + 1), "the recursion", by=(GROWS,))
        .assume(statement.rhs + d(n + 1), "for n", statement=statement)
        .rewrite(Sum(d(j), (j, 1, n + 1)), "one more term")
    )


def test_induction_proves_a_statement_for_every_number():
    proved = by_induction(TOTAL, n, base=base(), step=step(), name="total")
    assert proved.equation == TOTAL
    assert proved.lines[-1].evidence.kind == "proved"


def test_a_step_is_no_result_by_itself():
    with pytest.raises(ValueError, match="rests on a hypothesis"):
        _ = step().equation
    assert step().sign == ""


def test_a_base_of_another_statement_is_refused():
    wrong = begin("base", f(1)).rewrite(f(1) + 0 * a, "the same")
    with pytest.raises(DerivationError, match="differ"):
        by_induction(TOTAL, n, base=wrong, step=step(), name="total")


def test_a_base_that_assumes_is_refused():
    circular = begin("base", f(n)).assume(TOTAL.rhs, "for n", statement=TOTAL)
    with pytest.raises(DerivationError, match="the base on no hypothesis"):
        by_induction(TOTAL, n, base=circular, step=step(), name="total")


def test_a_step_that_assumes_another_statement_is_refused():
    twice = Eq(f(n), 2 * Sum(d(j), (j, 1, n)), evaluate=False)
    half = (
        begin("step", f(n + 1))
        .substitute(f(n) + d(n + 1), "the recursion", by=(GROWS,))
        .assume(twice.rhs + d(n + 1), "for n", statement=twice)
    )
    with pytest.raises(DerivationError, match="nothing else"):
        by_induction(TOTAL, n, base=base(), step=half, name="total")


def test_a_step_to_another_place_is_refused():
    shifted = begin("step", f(n)).assume(TOTAL.rhs, "for n", statement=TOTAL)
    with pytest.raises(DerivationError, match="differ"):
        by_induction(TOTAL, n, base=base(), step=shifted, name="total")


def test_induction_counts_from_one():
    with pytest.raises(DerivationError, match="must count 1, 2, 3"):
        by_induction(TOTAL, a, base=base(), step=step(), name="total")


def test_a_hypothesis_must_occur():
    with pytest.raises(DerivationError, match="does not occur"):
        begin("step", f(n + 1)).assume(d(1), "for n", statement=TOTAL)


def test_what_has_no_falling_slope_is_at_least_its_start():
    """exp h - h ≥ 1: the slope is exp h - 1, the gap of log h ≤ h - 1 at exp h less h."""
    grows = log_bound().at({t: exp(h)}, Given())
    line = begin("exp", exp(h) - h**2 / 2 - h).rising(Integer(1), "rises", letter=h, by=grows)
    assert (line.sign, line.end) == ("≥", 1)
    with pytest.raises(DerivationError, match="differ"):
        begin("exp", exp(h) - h).rising(Integer(1), "another slope", letter=h, by=grows)
    with pytest.raises(DerivationError, match="differ"):
        begin("exp", exp(h) - h**2 / 2 - h).rising(Integer(2), "start", letter=h, by=grows)


def test_a_pole_on_the_way_is_refused():
    """-1/(h - 1) has a slope above 0 wherever it has one, but it is 1 at 0 and -1 at 2."""
    slope = begin("slope", (h - 1) ** (-2))
    with pytest.raises(DerivationError):
        slope.above(Integer(0), "a square")
    assert not is_smooth(-1 / (h - 1), h)
    assert not is_smooth(log(h - s), h)
    assert not is_smooth(Min(h, s), h)
    assert is_smooth(log(h + s) / (1 + h) + (h - 1) ** 2 + exp(-h) + 1 / (s - 1), h)


def test_a_kink_has_no_derivative_until_the_case_is_known():
    rho = symbols("rho", positive=True)
    kinked = Min(rho * A, s * A)
    with pytest.raises(DerivationError, match="say which case"):
        begin("kink", kinked).differentiate(rho, "slope", A)
    above = Given(definitions=(Eq(rho, s + t, evaluate=False),))
    case = begin("above", kinked, above).rewrite(s * A, "the smaller")
    assert case.lines[-1].evidence.kind == "proved"


def test_which_is_smaller_is_not_guessed():
    assert not is_zero(Min(s, t) - s, Given())
    assert not is_zero(Clip(s, 1, 2).meaning() - s, Given())
    assert is_zero(Min(s, s + t) - s, Given())


def test_what_a_slope_of_a_sum_is():
    moved = Derivative(Sum(f(j) * a**2, (j, 1, n)), a)
    line = begin("slope", moved).rewrite(2 * a * Sum(f(j), (j, 1, n)), "power rule").lines[-1]
    assert line.evidence.kind == "proved"


def test_no_slope_along_a_letter_that_a_recursion_hides():
    """f(n + 1) = a f(n): what f(n) is depends on a, though a does not stand in it."""
    powers = Recursion("powers", Eq(f(n + 1), a * f(n), evaluate=False), Given())
    line = begin("power", f(n + 1)).substitute(a * f(n), "the recursion", by=(powers,))
    with pytest.raises(DerivationError, match="depends on a by the recursion powers"):
        line.differentiate(a, "as if f were free of a", f(n))
