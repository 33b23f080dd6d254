"""One coefficient for two tasks that differ in the unit of the reward alone."""

import pytest

from rlhf_lab.experiments import kl_coefficients


def run(region, scale):
    return kl_coefficients.run(100, region=region, reward_scale=scale, steps=3)


def test_ten_times_the_reward_needs_ten_times_the_coefficient_for_the_same_run():
    small, large = run("fixed-1", 1.0), run("fixed-10", 10.0)
    assert large["to_optimum"] == pytest.approx(small["to_optimum"], rel=1e-3)


def test_the_clip_does_not_feel_the_unit_of_the_reward():
    small, large = run("clip-0.2", 1.0), run("clip-0.2", 10.0)
    assert large["to_optimum"] == pytest.approx(small["to_optimum"], rel=1e-3)


def test_the_same_coefficient_holds_the_policy_in_one_task_and_not_in_the_other():
    small, large = run("fixed-1", 1.0), run("fixed-1", 10.0)
    assert large["kl_to_old"][0] > 2 * small["kl_to_old"][0]
