"""Every altered line is refused, except where the alteration changes nothing.

Every part of every line is altered in the ways of `checker.mutation`. What is accepted stands
beside the derivation, in EQUIVALENT, with the reason.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import pytest
from sympy import Function, symbols

from rlhf_lab import mutation_record
from rlhf_lab.derivations import dpo
from rlhf_lab.derivations.catalogue import equivalent, results
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.mutation import Mutant, changes, mutants, refusal
from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.checker.tally import tally
from rlhf_lab.derivations.derivation import begin
from rlhf_lab.derivations.notation import N, y

a, b = symbols("a b", real=True)
p, q = Function("p", positive=True), Function("q", positive=True)


@pytest.fixture(scope="module")
def tally_of(request) -> Callable:
    """What became of the mutants of a result; all that are asked for here run in two processes.

    These start afresh, without the checks of shapes, which would take most of the time.
    """
    here = [item for item in request.session.items if item.path == request.path]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        started = cache(lambda make: pool.submit(tally, make))
        for item in here:
            if hasattr(item, "callspec") and "make" in item.callspec.params:
                started(item.callspec.params["make"])
        yield lambda make: started(make).result()


@pytest.mark.parametrize("make", results(), ids=lambda make: make.__name__)
def test_every_alteration_that_changes_something_is_refused(make, tally_of):
    found = tally_of(make)
    expected = {name for name in equivalent() if name.startswith(f"{found.name}, line")}
    assert set(found.accepted) == expected
    assert sum(found.mutants.values()) > 0


def test_no_two_derivations_have_one_name(tally_of):
    names = [tally_of(make).name for make in results()]
    assert len(set(names)) == len(names)


def test_the_recorded_report_is_what_the_code_does(tally_of):
    found = [tally_of(make) for make in results()]
    recorded = {entry.name: entry for entry in mutation_record.load().tallies}
    changed = [entry.name for entry in found if recorded.get(entry.name) != entry]
    assert changed == [], "run `python tools/mutation_report.py`"
    assert list(recorded) == [entry.name for entry in found]


def test_a_refusal_names_the_step_a_point_and_both_values():
    """What a reader sees who alters a line in a cell; all but a few mutants get such a refusal."""
    reward_gradient = dpo.gradient()
    wrong = Mutant("", 3, "sign", "a sign", -reward_gradient.end)
    refused = refusal(wrong, reward_gradient)
    assert str(refused).startswith("DPO gradient, line 3 (a sign): the two sides differ at N = ")
    assert "implicit" in refused.point or "policy" in refused.point
    assert float(refused.left) == pytest.approx(-float(refused.right))
    assert str(refused).endswith(f": {refused.left} and {refused.right}")


def test_values_are_shown_where_no_letter_is_left():
    with pytest.raises(DerivationError, match=r"the two sides differ: 0.0 and 1.0"):
        begin("zero", a - a).rewrite(a - a + 1, "one more")


def altered(formula, letters=frozenset(), functions=frozenset()):
    """kind -> the formulas that it makes of a formula."""
    found = {}
    for kind, _, new in changes(formula, set(letters), set(functions)):
        found.setdefault(kind, set()).add(new)
    return found


def test_each_kind_of_alteration_of_a_formula():
    assert altered(a - b, {a, b}) == {
        "term added": {a - b + 1},
        "sign": {b - a, -a - b, a + b},
        "factor": {2 * a - 2 * b, 2 * a - b, a - 2 * b},
        "exponent": {(a - b) ** 2, a**2 - b, a - b**2, a + b**2, a + b},
        "term or factor dropped": {a, -b, a + b, a - 1},
        "letter for another": {-b + b, a - a},
        "letters swapped": {b - a},
    }


def test_a_kl_is_turned_round_and_its_distributions_change_places():
    turned = altered(KL(p(y), q(y), y, N), {y, N}, {(p, 1), (q, 1)})
    assert turned["KL turned round"] == turned["letters swapped"] == {KL(q(y), p(y), y, N)}
    assert turned["letter for another"] >= {KL(p(y), p(y), y, N), KL(q(y), q(y), y, N)}


def test_a_line_that_lets_much_through_is_reported():
    """What is below 0 is also below 1: that altered line is accepted, and named."""
    loose = tally(below_zero)
    assert loose.accepted == ("loose, line 2: 1 more than the line",)
    assert (loose.lines, sum(loose.mutants.values())) == (2, len(list(mutants(below_zero()))))


def below_zero():
    return begin("loose", -(a**2) - 1).below(a - a, "a square is never negative")
