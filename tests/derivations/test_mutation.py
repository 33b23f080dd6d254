"""Every altered line is refused, except where the alteration changes nothing.

Six kinds of alteration of every part of every line: sign, factor, exponent, dropped part, swapped
letters or functions, swapped arguments of a KL. What is accepted is listed below, with the reason.
"""

import pytest

from rlhf_lab.derivations import bradley_terry, notes
from rlhf_lab.derivations.checker.mutation import mutants, survives
from rlhf_lab.derivations.claims import CLAIMS

DERIVATIONS = [
    *dict.fromkeys(make for makers in CLAIMS.values() for make in makers),
    bradley_terry.orders_sum_to_one,
    notes.doubled_beta,
]

# Gibbs' lines 3 and 4 are 0: so are their multiples and squares, and Σp and Σq are 1.
ZERO = (
    "sign of -Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
    "twice -Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
    "square of -Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
    "square of Sum((-1 + q(y)/p(y))*p(y), (y, 1, N))",
    "sign of (-1 + q(y)/p(y))*p(y)",
    "twice (-1 + q(y)/p(y))*p(y)",
    "sign of p(y)",
    "sign of -1 + q(y)/p(y)",
    "twice -1 + q(y)/p(y)",
    "q for p(y)",
)
ONE_MINUS_ONE = (
    "sign of Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N))",
    "twice Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N))",
    "square of Sum(p(y), (y, 1, N)) - Sum(q(y), (y, 1, N))",
    "without Sum(q(y), (y, 1, N)): -Sum(q(y), (y, 1, N))",
    "square of Sum(q(y), (y, 1, N))",
    "square of Sum(p(y), (y, 1, N))",
    "p for q(y)",
)
EQUIVALENT = {
    *(f"Gibbs' inequality, line 3: {change}" for change in ZERO),
    *(f"Gibbs' inequality, line 4: {change}" for change in ONE_MINUS_ONE),
    # The mean of a constant, β log Z, is the same under any distribution.
    "value at the optimum, line 2: reference for optimal(y)",
    "value at the optimum, line 3: reference for optimal(y)",
    # 1² = 1.
    "π* sums to 1, line 2: square of Sum(reference(y)*exp(reward(y)/beta)/Z, (y, 1, N))",
    "π* sums to 1, line 3: square of Sum(reference(y)*exp(reward(y)/beta), (y, 1, N))/Z",
    "the two orders, line 2: square of 1/(exp(z) + 1) + 1/(1 + exp(-z))",
    "the two orders, line 2: square of 1",
    "the two orders, line 3: square of (exp(z) + 1)/(exp(z) + 1)",
    # log 2π and log π have one derivative.
    "DPO gradient, line 3: twice policy(y_w, theta)",
    "DPO gradient, line 3: twice policy(y_l, theta)",
    # What is below 0 is below 1.
    "weight of a pair, line 3: 1 more than the line",
    # (-ref)² = ref².
    "penalty counted twice, line 2: sign of reference(y)",
}


@pytest.mark.parametrize("make", DERIVATIONS, ids=lambda make: make.__name__)
def test_every_alteration_that_changes_something_is_refused(make):
    derivation = make()
    every = list(mutants(derivation))
    assert every
    expected = {name for name in EQUIVALENT if name.startswith(f"{derivation.name}, line")}
    assert {str(mutant) for mutant in every if survives(mutant, derivation)} == expected
