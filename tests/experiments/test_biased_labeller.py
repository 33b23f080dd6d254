import pytest

from rlhf_lab.experiments import biased_labeller


@pytest.fixture(autouse=True)
def _little_money(monkeypatch):
    monkeypatch.setattr(biased_labeller, "BUDGET", 400.0)


def test_the_budget_buys_twenty_times_the_labels_of_people():
    people, machine = (biased_labeller.run(0, bias=bias) for bias in (None, 1.0))
    assert machine["labels"][0] == 20 * people["labels"][0]
    assert machine["cost"][0] == pytest.approx(people["cost"][0]) == biased_labeller.BUDGET


def test_a_policy_learns_the_bias_while_its_reward_rises():
    table = biased_labeller.run(0, bias=3.0)
    assert table["own"] == sorted(table["own"])
    assert table["topic"][-1] > 0.99
    fair = biased_labeller.run(0, bias=0.0)
    assert fair["gold"] == pytest.approx(fair["own"])
    assert fair["gold"][-1] > table["gold"][-1] + 0.2
