"""Mean and std of a group, and roots of products: what is proved of them, and what is not."""

import pytest
from sympy import Function, Integer, Rational, Sum, sqrt, symbols

from rlhf_lab.derivations.checker.canonical import is_zero
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.groups import Mean, Std
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.derivation import begin

G, i, j = symbols("G i j", integer=True, positive=True)
n, c, t = symbols("n c t", positive=True)
a, b = symbols("a b", real=True)
f = Function("f", real=True)


def proved(left, right):
    return is_zero(unfolded(left - right, Given()), Given())


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Mean(f(j) + b, j, G), Mean(f(i), i, G) + b),
        (Mean(c * f(j), j, G), c * Mean(f(j), j, G)),
        (Std(f(j) + b, j, G, n), Std(f(i), i, G, n)),
        (Std(c * f(j), j, G, n), c * Std(f(j), j, G, n)),
        (Std(f(j), j, G, 4 * n), Std(f(j), j, G, n) / 2),
        (sqrt(c**2 * a), c * sqrt(a)),
        ((c**3 * (a + b)) ** Rational(1, 3), c * (a + b) ** Rational(1, 3)),
        (sqrt(t**3 / c), t * sqrt(t) / sqrt(c)),
        (sqrt(a * t - b * t), sqrt(t) * sqrt(a - b)),
    ],
)
def test_true_laws_of_mean_std_and_roots_are_proved(left, right):
    assert proved(left, right)
    assert not proved(left, 2 * right)
    assert not proved(left, right + 1)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Std(a * f(j), j, G, n), a * Std(f(j), j, G, n)),
        (Std(f(j), j, G, G), Std(f(j), j, G, G - 1)),
        (Mean(f(j) ** 2, j, G), Mean(f(j), j, G) ** 2),
        (sqrt(a**2), a),
        (sqrt(a * b), sqrt(a) * sqrt(b)),
        (sqrt(a**2 * t), a * sqrt(t)),
        (sqrt(c + t), sqrt(c) + sqrt(t)),
    ],
)
def test_false_laws_are_not_proved_and_a_world_refuses_them(left, right):
    assert not proved(left, right)
    with pytest.raises(DerivationError, match=r"differ|undefined|cannot evaluate Abs"):
        begin("false", left).rewrite(right, "wrong")


def test_mean_and_std_are_those_of_numbers():
    world = Interpretation(Given(), 0)
    world.known |= {(f, world.value(Integer(k))): world.value(Integer(k % 2)) for k in range(1, 5)}
    assert float(world.value(Mean(f(j), j, 4))) == 0.5
    assert float(world.value(Std(f(j), j, 4, 3))) == pytest.approx((1 / 3) ** 0.5)
    assert float(world.value(Std(f(j), j, 4, 4))) == 0.5


def test_they_print_as_words():
    line = begin("group", (f(i) - Mean(f(j), j, G)) / Std(f(j), j, G, n))
    assert r"\text{mean}_{j}\left[f\left(j\right)\right]" in line.latex()
    assert "std[j](f(j))" in str(line)
    assert Mean(f(j), j, G).meaning() == Sum(f(j), (j, 1, G)) / G
