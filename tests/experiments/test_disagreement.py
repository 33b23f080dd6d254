import pytest
import torch

from rlhf_lab.experiments import disagreement


def test_the_ceiling_of_two_opposite_people_is_a_coin_and_of_one_alone_is_bayes():
    worths = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert disagreement.ceiling(worths, 0.5) == pytest.approx(0.5)
    assert disagreement.ceiling(worths[:1], 0.5) == pytest.approx(
        torch.tensor(2.0).sigmoid().item()
    )


def test_accuracy_stays_below_the_ceiling_and_both_fall_as_tastes_part(monkeypatch):
    monkeypatch.setattr(disagreement, "COUNTS", (300, 1200))
    monkeypatch.setattr(disagreement, "FRESH", 1000)
    one, apart = (disagreement.run(0, spread=spread) for spread in (0.0, 2.0))
    for table in (one, apart):
        assert all(a < table["ceiling"][0] + 3 * 0.5 / 1000**0.5 for a in table["label_accuracy"])
    for name in ("label_accuracy", "gold_accuracy", "ceiling", "agreement", "alpha"):
        assert one[name][-1] > apart[name][-1] + 0.05
