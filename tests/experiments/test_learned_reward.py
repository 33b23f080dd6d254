import pytest
import torch

from rlhf_lab.experiments import learned_reward
from rlhf_lab.worlds.exact import exact_world, expected_pairs


def test_endless_comparisons_recover_the_reward_up_to_a_constant():
    world = exact_world(vocabulary=3, length=2, seed=0)
    pairs = expected_pairs(world.reference_logprobs, world.rewards)
    fitted = learned_reward.fitted_reward(
        learned_reward.one_number_a_response(world), pairs, ridge=1e-9
    )
    difference = fitted - world.rewards
    assert (difference - difference.mean()).abs().max() < 1e-3


def test_a_sum_over_tokens_cannot_hold_a_reward_that_is_none():
    world = exact_world(vocabulary=3, length=2, seed=0)
    features = learned_reward.one_number_a_token(world)
    assert torch.linalg.matrix_rank(features) == 5  # 3 + 3 numbers, one constant counted twice
    fitted = learned_reward.fitted_reward(
        features, expected_pairs(world.reference_logprobs, world.rewards), ridge=1e-9
    )
    difference = fitted - world.rewards
    assert (difference - difference.mean()).abs().max() > 0.3


def test_the_models_reward_rises_all_the_way_and_the_true_one_does_not():
    paths = [learned_reward.run(seed) for seed in range(3)]
    for path in paths:
        assert path.kl == sorted(path.kl)
        assert path.model_reward == sorted(path.model_reward)
        assert path.possible_reward == sorted(path.possible_reward)
    missed = sum(path.possible_reward[-1] - path.true_reward[-1] for path in paths)
    assert missed / len(paths) > 0.3
    assert max(path.lost for path in paths) > 0.1


def test_a_tiny_step_towards_the_model_costs_no_kl():
    path = learned_reward.run(0, betas=(1e6,))
    assert path.kl[0] == pytest.approx(0, abs=1e-9)
    assert path.true_reward[0] == pytest.approx(0, abs=1e-4)
