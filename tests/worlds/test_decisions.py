"""Small decision processes: values against episodes played, the best policy against all of them."""

import random
from dataclasses import replace
from statistics import mean, stdev

import pytest
import torch
from jaxtyping import config

from rlhf_lab.worlds.decisions import (
    DecisionProcess,
    action_values,
    all_policies,
    best_policy,
    expected_return,
    uniform_policy,
    values,
)
from rlhf_lab.worlds.environment import Environment, play, returns_to_go
from rlhf_lab.worlds.exam_week import REST, STUDY, exam_week


def always(process, action):
    policy = torch.zeros(len(process.states), len(process.actions), dtype=torch.float64)
    policy[:, action] = 1
    return policy


def test_an_exam_week_by_hand():
    process = exam_week()
    assert len(process.choices) == 10
    assert expected_return(process, always(process, REST)).item() == pytest.approx(4)
    passed = 1 - (0.2**4 + 4 * 0.8 * 0.2**3)  # two or more of four lessons
    assert expected_return(process, always(process, STUDY)).item() == pytest.approx(6 * passed)


def test_a_state_is_found_by_its_name():
    process = exam_week(days=3)
    assert process.states[process.number("day 2, 1 lesson")] == "day 2, 1 lesson"
    with pytest.raises(ValueError, match="no state 'day 4, 1 lesson'; the states are day 1, 0"):
        process.number("day 4, 1 lesson")


def test_processes_are_the_same_where_all_numbers_are():
    process = exam_week()
    assert process.same_as(exam_week())
    for other in (exam_week(learns=0.3), exam_week(needed=1), exam_week(days=3)):
        assert not process.same_as(other)
    assert not process.same_as(replace(process, actions=("a", "b")))


def test_the_value_of_a_policy_is_the_mean_return_of_its_episodes():
    process = exam_week()
    generator = random.Random(0)
    environment = Environment(process, generator=generator)
    policy = uniform_policy(process)
    for gamma in (1.0, 0.5):
        returns = [
            returns_to_go(
                [step.reward for step in play(environment, policy.tolist(), generator)], gamma=gamma
            )[0]
            for _ in range(1500)
        ]
        error = stdev(returns) / len(returns) ** 0.5
        assert abs(mean(returns) - values(process, policy, gamma=gamma)[0]) < 4 * error


def test_dynamic_programming_finds_the_best_of_all_policies():
    for settings in ({}, {"days": 3, "learns": 0.5}, {"needed": 3}, {"days": 2, "needed": 1}):
        process = exam_week(**settings)
        best = expected_return(process, all_policies(process)).max()
        found = expected_return(process, best_policy(process, gamma=1.0))
        assert found.item() == pytest.approx(best.item(), abs=1e-12)


def test_no_policy_that_mixes_actions_earns_more():
    process = exam_week()
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(500, len(process.states), 2, generator=generator, dtype=torch.float64)
    mixed = expected_return(process, logits.softmax(dim=-1))
    assert mixed.max() < expected_return(process, best_policy(process, gamma=1.0))


def test_who_looks_at_the_next_reward_only_rests():
    process = exam_week()
    greedy = best_policy(process, gamma=0.0)
    assert expected_return(process, greedy).item() == pytest.approx(4)
    assert greedy[0, REST] == 1


def test_each_policy_is_listed_once():
    policies = all_policies(exam_week(days=3))
    assert len(policies) == len({tuple(p.flatten().tolist()) for p in policies}) == 2**6


def broken(**changes):
    return replace(exam_week(days=2), **changes)


def test_wrong_processes_are_refused():
    process = exam_week(days=2)
    with pytest.raises(ValueError, match="shape"):
        broken(states=("a", "b"))
    with pytest.raises(ValueError, match="sum to 1"):
        broken(transitions=process.transitions / 2)
    with pytest.raises(ValueError, match="finite"):
        broken(rewards=process.rewards * float("nan"))
    for table in (5 * uniform_policy(process), torch.full_like(uniform_policy(process), torch.nan)):
        with pytest.raises(ValueError, match="sum to 1 in each of its rows"):
            expected_return(process, table)
    stays = torch.zeros_like(process.transitions)
    stays[0, :, 0] = 1
    with pytest.raises(ValueError, match="episodes end"):
        broken(transitions=stays)
    with pytest.raises(ValueError, match="too many"):
        all_policies(exam_week(days=6))
    with pytest.raises(ValueError, match="gamma"):
        values(process, uniform_policy(process), gamma=1.5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_probabilities_sum_to_1_as_closely_as_their_dtype_can(dtype):
    """Ten of 0.1 are not 1 in float32; 0.11 in the place of one is no rounding in any."""
    moves = torch.zeros(11, 1, 11, dtype=dtype)
    moves[0, 0, 1:] = 0.1
    names = tuple("abcdefghijk")
    process = DecisionProcess(names, ("go",), moves, torch.ones_like(moves))
    assert process.choices == (0,)
    moves = moves.clone()
    moves[0, 0, 1:] = 0.11
    with pytest.raises(ValueError, match="sum to 1"):
        DecisionProcess(names, ("go",), moves, torch.ones_like(moves))


def test_tables_of_whole_numbers_and_of_several_dtypes_are_refused():
    config.update("jaxtyping_disable", True)  # users have no type checker
    process = exam_week(days=2)
    with pytest.raises(ValueError, match=r"rewards must be floats of shape .* got torch\.int64"):
        broken(rewards=process.rewards.long())
    with pytest.raises(ValueError, match=r"rewards must be torch.float64, got torch.float32; use"):
        broken(rewards=process.rewards.float())
    policy = uniform_policy(process)
    for other in (policy.float(), always(process, REST).long()):
        with pytest.raises(ValueError, match=r"policy must be torch\.float64, got"):
            expected_return(process, other)
    with pytest.raises(ValueError, match=r"state_values must be torch.float64, got torch.int64"):
        action_values(process, torch.zeros(len(process.states), dtype=torch.long), gamma=1.0)


def test_an_environment_is_stepped_only_within_an_episode():
    environment = Environment(exam_week(days=1), generator=random.Random(0))
    with pytest.raises(RuntimeError, match="reset"):
        environment.step(REST)
    environment.reset()
    with pytest.raises(ValueError, match="action"):
        environment.step(2)
    step = environment.step(REST)
    assert (step.state, step.action, step.reward, step.done) == (0, REST, 1.0, True)
    with pytest.raises(RuntimeError, match="reset"):
        environment.step(REST)


def test_a_process_may_have_one_end_for_all():
    moves = torch.tensor([[[0.0, 1.0]], [[0.0, 0.0]]], dtype=torch.float64)
    process = DecisionProcess(("here", "end"), ("go",), moves, 5 * moves)
    assert expected_return(process, uniform_policy(process)).item() == 5


def test_a_return_is_its_own_reward_and_what_follows_by_its_distance():
    """By hand: 1/2, 3 + 1/4, -2 + 3/2 + 1/8, 1 - 1 + 3/4 + 1/16."""
    found = returns_to_go([1.0, -2.0, 3.0, 0.5], gamma=0.5)
    assert found == [0.8125, -0.375, 3.25, 0.5]
