import pytest
import torch

from rlhf_lab.experiments import mixed_demonstrations
from rlhf_lab.experiments.dpo_reviews import flawless_share
from rlhf_lab.responses import Preferences
from rlhf_lab.worlds.reviews import gold_rewards


def test_two_people_answer_each_opening_without_a_flaw_and_disagree():
    first, second = mixed_demonstrations.demonstrations(400, torch.Generator().manual_seed(0))
    Preferences(first, second)  # the same openings, or ValueError
    assert flawless_share(first) == flawless_share(second) == 1
    opinion = mixed_demonstrations.opinion(first)
    assert opinion == pytest.approx(gold_rewards(first).mean().item())
    assert abs(opinion) < 0.12  # the grammar praises as often as it blames
    praised = (gold_rewards(first) > 0).double().mean().item()
    assert 0.4 < praised < 0.6


def test_a_short_run_measures_each_model():
    run = mixed_demonstrations.run(0, pairs=512, steps=2)
    assert {name.rsplit("_", 1)[1] for name in run} == {"opinion", "gold", "flawless"}
    assert run["preferred_opinion"][0] > run["demonstrations_opinion"][0] + 0.15
    assert run["sft_on_all_gold"][0] < run["sft_on_all_opinion"][0]
