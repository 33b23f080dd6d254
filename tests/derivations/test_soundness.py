"""Statements that are false, and were once accepted: each is refused, or is not called proved.

Counts of random worlds are 1 to 5. BLIND is 0 at all of them, so that what is multiplied with it
looks true everywhere, and only a proof can refuse it.
"""

import pytest
from sympy import Derivative, Function, Product, Sum, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.derivation import begin

N, n, i1, j, k, y = symbols("N n i1 j k y", integer=True, positive=True)
a = symbols("a", real=True)
f, g = Function("f", real=True), Function("g", real=True)
rate = Function("rate", positive=True)
NO = Given()
BLIND = (n - 1) * (n - 2) * (n - 3) * (n - 4) * (n - 5)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Sum(f(j + 1), (j, 1, 5 - n)), Sum(f(j), (j, 1, 6 - n)) - f(1)),
        (Sum(j, (j, 1, 5 - n)), (5 - n) * (6 - n) / 2),
        (Sum(1, (j, 1, 5 - n)), 5 - n),
        (BLIND * Sum(f(y) * g(i1), (y, 1, N)), BLIND * Sum(f(y) * g(y), (y, 1, N))),
        (BLIND * Sum(f(y) * (g(j) - g(y)), (y, 1, N)), 0 * n),
        (BLIND * Sum(Derivative(Product(rate(k, y, a), (k, 1, N)), a), (y, 1, N)),
         BLIND * Sum(Derivative(rate(y, y, a), a) * Product(rate(k, y, a), (k, 1, N))
                     / rate(y, y, a), (y, 1, N))),
    ],
    ids=["shifted sum over nothing", "powers over nothing", "ones over nothing", "letter i1",
         "letter j", "letter of a slope"],
)  # fmt: skip
def test_what_holds_in_small_worlds_only_is_not_proved(left, right):
    assert begin("blind", left).rewrite(right, "looks true").lines[-1].evidence.kind == "sampled"


def test_an_index_is_declared_no_more_than_where_it_starts():
    """Σ_{j=6-n}^{6} j > 0 for n = 1 to 5, but not for n = 12."""
    with pytest.raises(DerivationError, match="j starts at 6 - n, so declare no more"):
        begin("index", Sum(j, (j, 6 - n, 6))).above(0 * n, "j is positive")
    product = begin("product", BLIND * Product(f(j), (j, -n, 2)))
    with pytest.raises(DerivationError, match="j starts at -n"):
        product.rewrite(BLIND * f(1) * f(2), "the factors up to 0 are lost")
