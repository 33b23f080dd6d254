import pytest
import torch

from rlhf_lab.experiments import mixed_demonstrations
from rlhf_lab.worlds.exact import exact_world, expected_pairs
from rlhf_lab.worlds.optimum import total_variation


def means(seed):
    """The mean reward of each policy in one world."""
    return {name: value for name, (value,) in mixed_demonstrations.run(seed).items()}


def test_sft_ends_at_the_average_and_preferences_of_one_kind_pass_it():
    found = means(0)
    first, second = (found[f"demonstrations of the {n} kind"] for n in ("first", "second"))
    assert found["SFT on both"] == pytest.approx((first + second) / 2, abs=0.02)
    assert found["SFT on both"] < found["SFT on what the first prefer"] < first
    assert found["preferences of the first"] > first


def test_labels_of_people_who_disagree_evenly_cancel():
    found = means(1)
    assert found["preferences of both"] == pytest.approx(found["SFT on both"], abs=0.02)


def test_fine_tuning_ends_at_the_shares_of_the_data():
    world = exact_world(seed=0)
    shown = expected_pairs(world.reference_logprobs, world.rewards).sum(dim=1)
    assert shown.sum().item() == pytest.approx(1)
    tuned = mixed_demonstrations.fine_tuned(world, shown)
    assert total_variation(tuned, torch.log(shown)).item() == pytest.approx(0, abs=0.01)
