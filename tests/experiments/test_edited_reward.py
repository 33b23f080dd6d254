import pytest

from rlhf_lab.experiments import edited_reward


def test_nothing_to_edit_changes_nothing():
    table = edited_reward.run(0, bias=0.0)
    for way in ("explicit", "implicit"):
        assert table[f"{way}_gold"] == pytest.approx(table[f"{way}_edited_gold"])


def test_taking_the_bias_out_brings_the_objective_back_and_none_passes_the_best():
    table = edited_reward.run(0, bias=3.0)
    best = table["best_objective"][0]
    for way in ("explicit", "implicit"):
        assert table[f"{way}_begins"][0] > 0.5 > 0.1 > table[f"{way}_edited_begins"][0]
        assert best - 0.05 < table[f"{way}_edited_objective"][0] <= best
        assert table[f"{way}_objective"][0] < best - 0.5
    assert table["reference_objective"] == pytest.approx(table["reference_gold"])
