"""Paths of gold against KL: the numbers that a figure holds."""

import numpy as np
import pytest

from rlhf_lab.experiments import frontier, overoptimisation
from rlhf_lab.gold_paths import (
    FAMILIES,
    METHODS,
    PANELS,
    STRENGTHS,
    against_kl,
    gain,
    path,
    paths,
    seeds_against_kl,
)
from rlhf_lab.plots import panels
from rlhf_lab.runs import Run, load_all


def run(seed, kl, gold):
    metrics = {"dpo kl": kl, "dpo gold": gold}
    made = {"settings": {}, "seconds": 0.0, "commit": "", "date": "", "versions": {}}
    return Run(name="x", seed=seed, metrics=metrics, hardware={}, **made)


RUNS = [run(0, [0.0, 4.0], [1.0, 2.0]), run(1, [0.0, 14.0], [-1.0, 2.0])]
DRAWN = {"scale": np.sqrt, "x_label": "√KL"}


def test_a_gain_begins_at_zero_in_every_seed():
    assert gain(RUNS, "dpo", "gold").tolist() == [[0.0, 1.0], [0.0, 3.0]]
    assert path(RUNS, "dpo", "gold").tolist() == [[1.0, 2.0], [-1.0, 2.0]]


def test_a_mean_line_goes_through_the_mean_gain_at_the_mean_kl():
    (line,) = against_kl({"DPO": (RUNS, "dpo")}, "gold", **DRAWN, axes=panels()[0]).get_lines()
    assert line.get_xydata().tolist() == [[0.0, 0.0], [3.0, 2.0]]


def test_each_seed_has_a_thin_line_of_the_colour_of_its_mean():
    axes = seeds_against_kl({"DPO": (RUNS, "dpo")}, "gold", **DRAWN, axes=panels()[0])
    mean, *seeds = axes.get_lines()
    assert [line.get_xydata()[-1].tolist() for line in seeds] == [[2.0, 1.0], [14**0.5, 3.0]]
    for line in seeds:
        assert line.get_color() == mean.get_color()
        assert line.get_linewidth() < mean.get_linewidth()
    assert not any(line.get_label() == "DPO" for line in seeds)


@pytest.mark.parametrize("before", ["", "gpt2-small-"])
def test_every_recorded_path_has_a_name_and_a_place(before):
    over, other = (load_all(f"{before}{n}") for n in ("overoptimisation-2000", "frontier-reviews"))
    held = paths(over, other)
    assert set(held) == {name for names in FAMILIES.values() for name in names}
    assert set(held) == {name for names in PANELS for name in names}
    found = {name.rpartition(" ")[0] for run in (over[0], other[0]) for name in run.metrics}
    assert found == set(METHODS.values()) | set(STRENGTHS.values())
    for runs, method in held.values():
        assert path(runs, method, "kl").shape == path(runs, method, "gold").shape


def test_the_strengths_are_those_of_the_experiment():
    asked = {f"ppo {beta}" for beta in frontier.PPO_BETAS}
    asked |= {f"grpo {beta}" for beta in frontier.GRPO_BETAS}
    asked |= {f"dpo {beta}" for beta in frontier.DPO_BETAS}
    assert asked | {"sft", "ppo on gold"} == set(STRENGTHS.values())
    assert "overoptimisation-2000" in overoptimisation.VARIANTS
