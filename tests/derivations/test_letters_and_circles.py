"""False derivations by a letter that is caught, by functions that define each other, by slopes.

Each says something of which one world shows that it is false. The checker once accepted them all.
"""

import pytest
from sympy import Derivative, Eq, Function, Integer, Lambda, Rational, Sum, Symbol, log

from rlhf_lab.derivations.checker import signs
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.groups import Mean, Std
from rlhf_lab.derivations.checker.probability import KL, ArgMax, Expectation
from rlhf_lab.derivations.checker.recursions import Recursion, Turned
from rlhf_lab.derivations.derivation import DerivationError, begin
from rlhf_lab.derivations.gibbs import gibbs
from rlhf_lab.derivations.gibbs import p as any_p
from rlhf_lab.derivations.gibbs import q as any_q
from rlhf_lab.derivations.notation import N, y

i, j, m, n, s = (Symbol(name, integer=True, positive=True) for name in "ijmns")
a = Symbol("a", real=True)
p, pi, q, u = (Function(name, positive=True) for name in ("p", "pi", "q", "u"))
f, g, h = (Function(name, real=True) for name in "fgh")
PAIRS = Given(ranges=((y, 1, N), (s, 1, N)), distributions=(pi(y, s), p(y), q(y, s)))


def caught_by_an_expectation():
    """Σ_y π(y|y) = 1, from Σ_y π(y|s) = 1 at s = y."""
    one = begin("one", Expectation(Integer(1), pi(y, s), y, N), PAIRS)
    one = one.rewrite(Integer(1), "sums to 1").at({s: y}, PAIRS)
    opened = one.upto(1).rewrite(Sum(pi(y, y), (y, 1, N)), "written out")
    diagonal = begin("diagonal", Sum(pi(y, y), (y, 1, N)), PAIRS)
    return diagonal.substitute(one.start, "", by=(Turned(opened),)).substitute(
        Integer(1), "", by=(one,)
    )


def caught_by_a_divergence():
    """Σ_y p(y) log (p(y) / q(y|y)) ≥ 0, from Gibbs' inequality at s = y."""
    general = gibbs().at({any_p: Lambda(y, p(y)), any_q: Lambda(y, q(y, s))}, PAIRS)
    at_y = general.at({s: y}, PAIRS)
    diagonal = Sum(p(y) * log(p(y) / q(y, y)), (y, 1, N))
    opened = at_y.upto(1).rewrite(diagonal, "written out")
    return begin("diagonal", diagonal, PAIRS).substitute(
        at_y.start, "", by=(Turned(opened),)
    ).bounded(Integer(0), "Gibbs", by=at_y)  # fmt: skip


def caught_by_a_std():
    """Σ_i (f(i) - mean of the first i)² = Σ f² - (Σ f)² / j, i from 1 to j."""
    squares = begin("std", Std(f(i), i, m, n) ** 2 * n).rewrite(
        Sum(f(j) ** 2, (j, 1, m)) - Sum(f(j), (j, 1, m)) ** 2 / m, "square out"
    )
    at_i = squares.at({m: i}, Given())
    caught = Sum((f(i) - Sum(f(s), (s, 1, i)) / i) ** 2, (i, 1, i))
    opened = at_i.upto(1).rewrite(caught, "written out")
    return begin("false", caught).substitute(at_i.start, "", by=(Turned(opened),))


def defined_in_a_circle():
    """0 = 1."""
    up = Recursion("up", Eq(f(n + 1), g(n), evaluate=False), Given())
    down = Recursion("down", Eq(g(n), f(n + 1) + 1, evaluate=False), Given())
    return (
        begin("zero", f(n + 1) - a)
        .substitute(g(n) - a, "", by=(up,))
        .substitute(f(n + 1) + 1 - a, "", by=(down,))
        .at({a: f(n + 1)}, Given())
    )


def defined_in_a_circle_across_lemmas():
    """The same with a lemma for each of the two."""
    up = Recursion("up", Eq(f(n + 1), h(n), evaluate=False), Given())
    middle = Recursion("middle", Eq(h(n), g(n), evaluate=False), Given())
    down = Recursion("down", Eq(g(n), f(n + 1) + 1, evaluate=False), Given())
    there = begin("there", f(n + 1)).substitute(h(n), "", by=(up,)).substitute(
        g(n), "", by=(middle,)
    )  # fmt: skip
    back = begin("back", g(n)).substitute(f(n + 1) + 1, "", by=(down,))
    return begin("both", f(n + 1)).substitute(g(n), "", by=(there,)).substitute(
        f(n + 1) + 1, "", by=(back,)
    )  # fmt: skip


def defined_from_both_sides():
    """f(2n) = f(2n + 1) + 1 and f(2n + 1) = f(2n)."""
    down = Recursion("even", Eq(f(2 * n), f(2 * n + 1) + 1, evaluate=False), Given())
    up = Recursion("odd", Eq(f(2 * n + 1), f(2 * n), evaluate=False), Given())
    return begin("even", f(2 * n)).substitute(f(2 * n + 1) + 1, "", by=(down,)).substitute(
        f(2 * n) + 1, "", by=(up,)
    )  # fmt: skip


def a_slope_along_outcomes():
    """Σ_y ∂p(y)/∂y = 0; for p proportional to 2^-y it would be -log 2."""
    return begin("slope", Sum(Derivative(p(y), y), (y, 1, N)), PAIRS).rewrite(Integer(0), "")


def a_slope_along_a_number_of_outcomes():
    """∂/∂N Σ_{i=1}^N i = N + 1/2."""
    return begin("slope", Derivative(Sum(i, (i, 1, N)), N)).rewrite(N + Rational(1, 2), "")


FALSE = {
    caught_by_an_expectation: "the two sides differ",
    caught_by_a_divergence: "the two sides differ",
    caught_by_a_std: "the two sides differ",
    defined_in_a_circle: "defined by functions that are defined by it",
    defined_in_a_circle_across_lemmas: "defined by functions that are defined by it",
    defined_from_both_sides: "places on both sides",
    a_slope_along_outcomes: "y is a whole number",
    a_slope_along_a_number_of_outcomes: "N is a whole number",
}


@pytest.mark.parametrize("false", FALSE, ids=lambda false: false.__name__)
def test_what_is_false_is_refused(false):
    with pytest.raises(DerivationError, match=FALSE[false]):
        false()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            Expectation.around(Lambda(y, f(y)), Lambda(s, q(s, y)), N),
            Sum(q(s, y) * f(s), (s, 1, N)),
        ),
        (
            KL.around(Lambda(y, p(y)), Lambda(s, q(s, y)), N),
            Sum(p(s) * log(p(s) / q(s, y)), (s, 1, N)),
        ),
        (Mean(f(i), i, m).around(Lambda(i, f(i)), i), Sum(f(s), (s, 1, i)) / i),
    ],
    ids=["E", "KL", "mean"],
)
def test_a_free_letter_stays_free(written, meant):
    """Whatever letter the formulas were written with."""
    found = written.meaning()
    assert found.free_symbols == meant.free_symbols
    values = {y: 2, N: 3, i: 3}
    tables = {
        f: Lambda(s, s**2),
        p: Lambda(s, s + 3),
        q: Lambda((s, y), s + 10 * y),
    }
    one, other = (
        side.subs(values).replace(f, tables[f]).replace(p, tables[p]) for side in (found, meant)
    )
    one, other = (side.replace(q, tables[q]).doit() for side in (one, other))
    assert one == other


def test_a_world_refuses_a_sign_that_the_prover_has_wrong(monkeypatch):
    """A map that rises and falls, and an equation with two solutions."""
    x, z = Symbol("x", positive=True), Symbol("z", real=True)
    best = begin("map", ArgMax(-((a - 1) ** 2), a))
    equation = begin("two", Eq(x + 1 / x, Rational(5, 2)))
    monkeypatch.setattr(signs, "sign", lambda expression: 1)
    monkeypatch.setattr(signs, "is_smooth", lambda *formula: True)
    with pytest.raises(DerivationError, match="is not above 0"):
        best.same_optimum(ArgMax((a - 1) ** 4, a), "", through=Lambda(z, z**2))
    with pytest.raises(DerivationError, match="is not above 0"):
        equation.solve(Eq(x, Integer(2)), "")


def test_one_function_is_one_distribution():
    with pytest.raises(ValueError, match="declared twice"):
        Given(ranges=((y, 1, N), (s, 1, m)), distributions=(p(y), p(s, y)))


def test_a_recursion_has_one_number_of_arguments():
    with pytest.raises(ValueError, match="another number of arguments"):
        Recursion("two", Eq(f(n + 1), f(n, n), evaluate=False), Given())
