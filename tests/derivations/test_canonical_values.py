"""The canonical form has the value of the formula in every world: the prover against the worlds."""

import itertools

import pytest
from sympy import Function, Max, Min, Product, Sum, exp, log, symbols

from rlhf_lab.derivations.checker.canonical import canonical
from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.interpretation import Interpretation, UndefinedError
from rlhf_lab.derivations.checker.probability import Optimum

n, m, i, j = symbols("n m i j", integer=True, positive=True)
k = symbols("k", integer=True, nonnegative=True)
a, b = symbols("a b", real=True)
g, s, t = symbols("g s t", positive=True)
f, h = Function("f", real=True), Function("h", positive=True)

SUMS = [
    Sum(f(k) * g**k, (k, 0, n)),
    Sum(f(k + 1) * g**k, (k, 0, n - 1)),
    Sum(f(k) * f(k + 2), (k, 0, n)),
    Sum(f(i - 1), (i, 1, n + 2)),
    Sum(f(i + 3), (i, 1, n + 1)),
    Sum(f(i - 2), (i, 2, n + 3)),
    Sum(f(m + k) * g**k, (k, 0, n)),
    Sum(f(m + k + 1) * f(k) * g**k, (k, 0, n - 1)),
    Sum(f(m + i - 2) * h(i + j + 1), (i, 1, n + 2)),
    Sum(f(m - i + 2) * f(2 * i - 1), (i, 1, n)),
    Sum(i**3 + 2 * i, (i, 1, n)),
    Sum(i * f(i) + a, (i, 1, n - 1)),
    Sum(Sum(f(i) * h(j), (j, i + 1, n)), (i, 1, n)),
    Sum(Sum(f(i + j), (j, 1, i)), (i, 1, n + 1)),
    Sum(Sum(1, (j, 1, m)), (i, 1, n)),
    Sum(f(i) / h(i - 1), (i, 1, n)),
    Sum(f(i), (i, 1, 4)) + Sum(f(k), (k, 0, 3)),
    Sum(1 / (i + t), (i, 1, n + 1)),
    Sum(f(n - i + 1), (i, 1, n)),
    log(Product(h(i), (i, 1, n + 2))),
    Product(h(k), (k, 0, n)) / Product(h(i), (i, 1, n)),
]
CHOICES = [
    Min(a, b),
    Max(a + t, a),
    Min(-a * a, s, s + t),
    Clip(1 + s + t, 1 - s, 1 + s),
    Clip(1 - s - t, 1 - s, 1 + s) * g,
    Min(g * (1 + s + t), g * Clip(1 + s + t, 1 - s, 1 + s)),
    Min(-g * (1 - s - t), -g * Clip(1 - s - t, 1 - s, 1 + s)),
    Max(exp(a), exp(a) / (1 + exp(b))),
]


def same_values(expression, given, worlds):
    """How many of the worlds define the formula; in each the canonical form has its value."""
    plain = unfolded(expression, given)
    form = canonical(plain, given)
    defined = 0
    for seed in range(worlds):
        world = Interpretation(given, seed)
        try:
            value = world.value(plain)
        except UndefinedError:
            continue
        assert abs(world.value(form) - value) <= 1e-25 * (1 + abs(value)), (seed, form)
        defined += 1
    return defined


@pytest.mark.parametrize("expression", [*SUMS, *CHOICES], ids=str)
def test_the_form_of_sums_and_choices_has_their_value(expression):
    assert same_values(expression, Given(), worlds=24) == 24


def test_the_form_of_every_line_has_its_value(derivation):
    expressions = (line.expression for line in derivation.lines)
    parts = itertools.chain.from_iterable(
        e.args[:1] if isinstance(e, Optimum) else e.args if e.is_Relational else [e]
        for e in expressions
    )
    defined = [same_values(part, derivation.given, worlds=6) for part in dict.fromkeys(parts)]
    assert max(defined) > 0
