import pytest

from rlhf_lab.experiments import biased_labeller
from rlhf_lab.runs import recorded


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


def test_a_path_that_ends_sooner_is_left_out_of_the_verdict():
    """Three seeds whose people stop at 2 nats, with gold that would turn the sign."""
    far = {"kl": [0.0, 4.0], "own": [0.0, 1.0], "topic": [0.3, 0.4]}
    made = {
        name: [
            recorded(name, seed=seed, settings={}, metrics=far | {"gold": [0.0, gold]}, seconds=1)
            for seed in range(6)
        ]
        for name, gold in zip(biased_labeller.VARIANTS, (1.0, 2.0, 1.0, 0.5), strict=True)
    }
    people = made["biased-labeller-people"]
    for run in people[:3]:
        run.metrics.update(kl=[0.0, 2.0], gold=[0.0, 9.0])
    found = biased_labeller.verdict(made).sentence.split("; ")[0]
    assert "3 of 6 seeds: 0.75 [0.75, 0.75]" in found
