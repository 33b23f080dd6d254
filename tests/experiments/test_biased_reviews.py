import pytest

from rlhf_lab.experiments import biased_reviews, bought_labels


@pytest.fixture(autouse=True)
def _little_money(monkeypatch):
    monkeypatch.setattr(biased_reviews, "BUDGET", 80.0)
    monkeypatch.setattr(bought_labels, "READ", 320)
    monkeypatch.setattr(biased_reviews, "EVALUATED", 64)


def test_one_budget_buys_four_times_the_labels_of_people():
    people, machine = (biased_reviews.run(0, bias=bias, steps=1, every=1) for bias in (None, 0.3))
    assert machine["labels"][0] == 4 * people["labels"][0]
    assert machine["cost"] == people["cost"] == 2 * [biased_reviews.BUDGET]
    for gold, own, words in zip(machine["gold"], machine["own"], machine["words"], strict=True):
        assert own == pytest.approx(gold + 0.3 * words, abs=1e-5)
