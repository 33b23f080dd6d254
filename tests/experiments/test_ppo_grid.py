"""The grid at its first step: which trust region does what."""

from functools import cache

import pytest

from rlhf_lab.experiments import policy_reviews, ppo_grid


@pytest.fixture(autouse=True)
def _few_evaluated(monkeypatch):
    monkeypatch.setattr(policy_reviews, "EVALUATED", 32)


@cache
def run(name):
    return ppo_grid.run(100, **ppo_grid.GRID[name], steps=1)


def test_without_a_trust_region_a_step_goes_furthest():
    first = {name: run(name)["kl_to_old"][0] for name in ("neither", "clip-0.2", "fixed-10")}
    assert first["fixed-10"] < first["clip-0.2"] < first["neither"]


def test_ratios_leave_the_range_all_the_same():
    shares = (run("clip-0.2")[name] for name in ("outside", "clip_fraction"))
    assert all(out > flat > 0 for out, flat in zip(*shares, strict=True))


def test_every_row_of_the_papers_table_has_a_run():
    assert set(ppo_grid.PAPER) == {name for name in ppo_grid.GRID if "reference" not in name}
