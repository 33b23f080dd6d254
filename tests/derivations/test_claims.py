"""Every claim that asks for a proof has one; every printed error is refused."""

import pytest
from sympy import Eq, Integer, exp, log, sqrt

from rlhf_lab.derivations import notes
from rlhf_lab.derivations.catalogue import results
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.claims import proofs
from rlhf_lab.derivations.derivation import Derivation
from rlhf_lab.derivations.dpo import STEPS
from rlhf_lab.derivations.likelihood import LABEL, cross_entropy
from rlhf_lab.derivations.notation import Z, beta, optimal, policy, reference, reward, y, z
from rlhf_lab.derivations.optimal_policy import closed_form

# The claims of the notes that ask for a proof, and two more that have one: prefix and numbers.
PROVED = {
    "FB": (6, 7),
    "RM": (4, 9, 10, 11),
    "RLHF": (*range(5, 12),),
    "PPO": (1, 4, *range(8, 17)),
    "DPO": (1, *range(4, 14), *range(15, 21)),
    "GRPO": (1, 5, 6, 7),
}


@pytest.fixture(scope="module")
def best_policy():
    return closed_form()


def test_every_claim_that_needs_a_proof_has_one():
    asked = {f"{prefix}-{number}" for prefix, numbers in PROVED.items() for number in numbers}
    assert set(proofs()) == asked
    assert set(STEPS) <= set(results())


def test_every_line_has_evidence_and_none_is_only_sampled(derivation):
    assert isinstance(derivation, Derivation)
    first, *others = (line.evidence.kind for line in derivation.lines)
    assert first in {"given", "asked", "by definition", "proved"}
    known = {"by definition", "proved", "computed", "by lemma"}
    if derivation.sign == "":  # the step of an induction is no result by itself
        known |= {"by hypothesis"}
    assert set(others) <= known
    assert len(derivation.lines) > 1
    assert derivation.latex()


def test_the_closed_form_has_seven_lines_before_its_optimum(best_policy):
    assert best_policy.lines[7].evidence.detail == "Gibbs' inequality"
    assert best_policy.end == optimal(y)


@pytest.mark.parametrize(
    ("claim", "make"),
    [(claim, make) for claim, makers in notes.REFUSED.items() for make in makers],
)
def test_printed_errors_are_refused_with_a_point(claim, make):
    with pytest.raises(DerivationError, match="the two sides differ") as refusal:
        make()
    assert refusal.value.left != refusal.value.right


def test_the_penalty_counted_twice_is_the_policy_of_twice_the_beta(best_policy):
    """The same as `closed_form` says for 2 β, up to the constant that normalises."""
    wrong = notes.doubled_beta().end
    of_twice_beta = best_policy.lines[7].expression.subs(beta, 2 * beta)
    assert wrong == Eq(policy(y), reference(y) * exp(reward(y) / (2 * beta)) / sqrt(Z))
    assert not (wrong.rhs / of_twice_beta).has(reference, reward)


def test_cross_entropy_of_a_preference_is_minus_log_sigmoid():
    general = cross_entropy()
    assert general.at({LABEL: Integer(1)}, general.given).end == -log(Sigmoid(z))
