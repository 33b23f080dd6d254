"""The policy gradient and TRPO's penalised objective: alike at the old policy, and only there."""

import pytest

from rlhf_lab.experiments import penalty_at_old


def run(objective, passes):
    return penalty_at_old.run(100, objective=objective, passes=passes, steps=3)


def test_one_update_a_batch_is_the_policy_gradient_for_every_penalty():
    plain, one, ten = (run(name, 1)["to_optimum"] for name in penalty_at_old.OBJECTIVES)
    assert one == pytest.approx(plain, rel=1e-9)
    assert ten == pytest.approx(plain, rel=1e-9)


def test_many_updates_a_batch_are_not_and_the_penalty_shortens_the_steps():
    plain, one, ten = (max(run(n, 16)["kl_to_old"]) for n in penalty_at_old.OBJECTIVES)
    assert plain > 2 * one > 2 * ten
