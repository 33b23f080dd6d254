"""The notes' printed objective of PPO beside the right one: it is seen to fail."""

from functools import cache

import pytest
import torch

from rlhf_lab.experiments import printed_clip


@cache
def run(objective, reward_scale):
    return printed_clip.run(0, objective=objective, reward_scale=reward_scale)


def test_the_printed_objective_ends_further_from_the_optimum():
    right, printed = (run(name, 8.0)["to_optimum"][-1] for name in ("right", "printed"))
    assert printed > 1.5 * right


def test_its_steps_go_further_from_the_old_policy():
    right, printed = (max(run(name, 1.0)["kl_to_old"]) for name in ("right", "printed"))
    assert printed > 1.5 * right


def test_the_scale_of_reward_and_beta_together_decides_its_end_and_not_that_of_the_right_one():
    ends = {
        name: [run(name, s)["to_optimum"][-1] for s in (1.0, 8.0)] for name in ("right", "printed")
    }
    assert ends["right"][1] == pytest.approx(ends["right"][0], rel=0.05)
    assert ends["printed"][1] > 1.3 * ends["printed"][0]


def test_nothing_stops_a_ratio_from_falling():
    """At Â = -1 and ρ = 0.1 the right objective is flat; the printed one still pushes down."""
    mask, old = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1)
    for name, slope in (("right", 0.0), ("printed", 0.1)):
        logprobs = torch.full((1, 1), 0.1).log().requires_grad_()
        loss = printed_clip.OBJECTIVES[name].loss(logprobs, old, -torch.ones(1, 1), mask, 0.0)
        loss.backward()
        assert logprobs.grad.item() == pytest.approx(slope)
