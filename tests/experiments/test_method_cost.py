"""What three methods cost: how many networks each holds, and that all are timed."""

import pytest

from rlhf_lab.experiments import method_cost


def test_ppo_holds_three_networks_and_the_others_two(monkeypatch):
    monkeypatch.setattr(method_cost, "RESPONSES", 8)
    monkeypatch.setattr(method_cost, "MAX_TOKENS", 4)
    row = {name: value for name, (value,) in method_cost.run(0, width=16, steps=2).items()}
    assert row["ppo_held_bytes"] == pytest.approx(1.5 * row["grpo_held_bytes"], rel=0.01)
    assert row["dpo_held_bytes"] == row["grpo_held_bytes"]
    assert row["grpo_adam_bytes"] == 2.5 * row["grpo_held_bytes"]
    assert all(row[f"{name}_seconds"] > 0 for name in ("ppo", "grpo", "dpo"))
