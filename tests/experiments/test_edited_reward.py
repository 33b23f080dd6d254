import pytest

from rlhf_lab.experiments import edited_reward


def test_nothing_to_edit_changes_nothing():
    table = edited_reward.run(0, bias=0.0)
    for way in ("explicit", "implicit"):
        assert table[f"{way}_gold"] == pytest.approx(table[f"{way}_edited_gold"])


def test_taking_the_bias_out_brings_gold_back():
    table = edited_reward.run(0, bias=3.0)
    for way in ("explicit", "implicit"):
        assert table[f"{way}_begins"][0] > 0.5 > 0.1 > table[f"{way}_edited_begins"][0]
        assert table[f"{way}_edited_gold"][0] == pytest.approx(table["best_gold"][0], abs=0.1)
        assert table[f"{way}_gold"][0] < table["best_gold"][0] - 0.5
