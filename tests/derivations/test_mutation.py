"""Every altered line is refused, except where the alteration changes nothing.

Every part of every line is altered in the ways of `checker.mutation`. What is accepted stands
beside the derivation, in EQUIVALENT, with the reason. `make rerun` tries all alterations, the other
tests one of each line.
"""

import random
from itertools import groupby

import pytest
from sympy import Function, symbols

from rlhf_lab import mutation_record
from rlhf_lab.derivations import dpo, gibbs
from rlhf_lab.derivations.catalogue import equivalent, results
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.mutation import Mutant, changes, mutants, refusal
from rlhf_lab.derivations.checker.probability import KL
from rlhf_lab.derivations.checker.tally import tally
from rlhf_lab.derivations.derivation import begin
from rlhf_lab.derivations.notation import N, y

a, b = symbols("a b", real=True)
p, q = Function("p", positive=True), Function("q", positive=True)
RECORDED = mutation_record.load().tallies


def test_the_recorded_report_is_of_the_catalogue():
    names = [entry.name for entry in RECORDED]
    assert len(set(names)) == len(names) == len(results()), "run `python tools/mutation_report.py`"


def test_one_altered_version_of_every_line_is_refused(make, derivation):
    """Which one, the name of the result decides. The names and numbers of all are the record's."""
    recorded, known = RECORDED[results().index(make)], equivalent()
    altered = [mutant for mutant in mutants(derivation) if str(mutant) not in known]
    assert (recorded.name, recorded.lines) == (derivation.name, len(derivation.lines))
    assert sum(recorded.mutants.values()) == len(altered) + len(recorded.accepted)
    choice = random.Random(derivation.name)
    by_line = groupby(altered, key=lambda mutant: mutant.line)
    chosen = [choice.choice(list(of_line)) for _, of_line in by_line]
    assert [str(mutant) for mutant in chosen if refusal(mutant, derivation) is None] == []


@pytest.mark.rerun
def test_every_alteration_that_changes_something_is_refused(make):
    found = tally(make)
    known = {name for name in equivalent() if name.startswith(f"{found.name}, line")}
    assert set(found.accepted) == known
    assert found == RECORDED[results().index(make)], "run `python tools/mutation_report.py`"


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
    assert loose.bounds == 1
    same = tally(gibbs.gibbs)  # its accepted alterations of lines with ≥ are the line's own 0
    assert (len(same.accepted) > 0, same.bounds) == (True, 0)
    assert (loose.lines, sum(loose.mutants.values())) == (2, len(list(mutants(below_zero()))))


def below_zero():
    return begin("loose", -(a**2) - 1).below(a - a, "a square is never negative")
