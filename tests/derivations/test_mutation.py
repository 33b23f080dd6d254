"""Every altered line is refused, except where the alteration changes nothing.

Six kinds of alteration of every part of every line: sign, factor, exponent, dropped part, swapped
letters or functions, swapped arguments of a KL. What is accepted stands beside the derivation, in
EQUIVALENT, with the reason.
"""

import pytest

from rlhf_lab.derivations.catalogue import equivalent, results
from rlhf_lab.derivations.checker.mutation import mutants, survives


@pytest.mark.parametrize("make", results(), ids=lambda make: make.__name__)
def test_every_alteration_that_changes_something_is_refused(make):
    derivation = make()
    every = list(mutants(derivation))
    assert every
    expected = {name for name in equivalent() if name.startswith(f"{derivation.name}, line")}
    assert {str(mutant) for mutant in every if survives(mutant, derivation)} == expected


def test_no_two_derivations_have_one_name():
    names = [make().name for make in results()]
    assert len(set(names)) == len(names)
