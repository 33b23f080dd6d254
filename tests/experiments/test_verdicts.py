"""Verdicts: each outcome can occur, and the recorded runs of every experiment have one."""

import dataclasses
from functools import cache
from types import ModuleType

import pytest
from made_up_runs import HOLDS, REFUTES, Metrics

from rlhf_lab.experiment_tables import name_of, recorded_experiments
from rlhf_lab.experiments import catalogue
from rlhf_lab.experiments.verdicts import (
    Verdict,
    above,
    below,
    differences,
    ends,
    not_less,
    rises,
    together,
    within,
)
from rlhf_lab.runs import Run, recorded
from rlhf_lab.verdict_tables import in_full, verdict_of

EXPERIMENTS = {name_of(m): m for topic in catalogue.TOPICS.values() for m in topic}
SEEDS = range(5)


@cache
def blank() -> Run:
    """A run of nothing: git is asked for the commit once, not for each made-up run."""
    return recorded("x", seed=0, settings={}, metrics={}, seconds=1.0)


def run(name: str, seed: int, metrics: Metrics, seconds: float = 1.0) -> Run:
    """A run as it would be recorded."""
    return dataclasses.replace(blank(), name=name, seed=seed, metrics=metrics, seconds=seconds)


def made_up(module: ModuleType, tables: list[dict[str, dict[str, Metrics]]]) -> dict:
    """Runs of all variants; seed s has the numbers of the table s modulo their count."""
    names = [*module.VARIANTS, *getattr(module, "BORROWED", ())]
    return {
        name: [
            run(name, s, table.get("*", {}) | table.get(name, {}))
            for s in SEEDS
            for table in [tables[s % len(tables)]]
        ]
        for name in names
    }


def changed(holds: dict[str, Metrics], changes: dict[str, Metrics]) -> dict[str, Metrics]:
    """The holding metrics with some of them changed."""
    both = holds.keys() | changes.keys()
    return {name: holds.get(name, {}) | changes.get(name, {}) for name in both}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_verdict_can_hold_can_be_refuted_and_can_stay_undecided(name: str):
    module, holds = EXPERIMENTS[name], HOLDS[name]
    against = changed(holds, REFUTES[name])
    held = module.verdict(made_up(module, [holds]))
    assert held.outcome == "holds", held.sentence
    refuted = module.verdict(made_up(module, [against]))
    assert refuted.outcome == "refuted", refuted.sentence
    mixed = module.verdict(made_up(module, [holds, against]))
    assert mixed.outcome == "undecided", mixed.sentence


def test_every_experiment_has_a_verdict_and_those_with_five_seeds_have_one_here():
    for module, variants in recorded_experiments().items():
        verdict = verdict_of(module, variants)
        counts = [len(variants.get(name, ())) for name in module.VARIANTS]
        assert (verdict is not None) or min(counts) < 5, name_of(module)


@pytest.mark.parametrize(
    ("samples", "outcome"),
    [
        ([1.0, 1.1, 0.9], "holds"),
        ([-1.0, -1.1, -0.9], "refuted"),
        ([1.0, -1.0, 0.1], "undecided"),
        ([0.0, 0.0, 0.0], "refuted"),  # nothing moved, in any seed
    ],
)
def test_a_part_is_decided_by_its_whole_interval(samples: list[float], outcome: str):
    assert above("x", samples).outcome == outcome
    assert below("x", [-x for x in samples]).outcome == outcome


def test_no_difference_is_claimed_by_an_interval_inside_the_bounds():
    assert within("x", [0.01, -0.01, 0.0], -0.1, 0.1).outcome == "holds"
    assert within("x", [0.5, 0.51, 0.49], -0.1, 0.1).outcome == "refuted"
    assert within("x", [0.5, -0.5, 0.0], -0.1, 0.1).outcome == "undecided"


@pytest.mark.parametrize(
    ("samples", "outcome"),
    [
        ([0.1, 0.2, 0.15], "holds"),
        ([0.01, -0.01, 0.0], "holds"),  # less than the margin
        ([-0.3, 0.3, 0.0], "undecided"),
        ([-0.3, -0.2, -0.25], "refuted"),
        ([-0.06, -0.05, -0.055], "undecided"),  # below 0, but not by the margin
    ],
)
def test_at_least_as_much_holds_up_to_a_margin_and_is_refuted_by_less(samples, outcome):
    assert not_less("x", samples, 0.05).outcome == outcome


def test_one_refuted_part_refutes_and_the_numbers_stand_in_the_sentence():
    good, bad = above("a", [1.0, 1.1]), above("b", [-1.0, -1.1])
    unclear = above("c", [1.0, -1.0])
    assert together(good, good).outcome == "holds"
    assert together(good, unclear).outcome == "undecided"
    assert together(good, unclear, bad).outcome == "refuted"
    assert "b: -1.05 [-1.69, -0.415], expected above 0: refuted" in together(good, bad).sentence


def test_differences_are_taken_between_runs_of_one_seed():
    first = [run("a", seed, {"x": [0.0, 10.0 + seed]}) for seed in (0, 1, 2)]
    other = [run("b", seed, {"x": [0.0, float(seed)]}) for seed in (2, 1, 5)]
    assert differences(first, other, "x").tolist() == [10.0, 10.0]
    assert rises(first, "x").tolist() == ends(first, "x").tolist()
    with pytest.raises(ValueError, match="two seeds that both"):
        differences(first, other[2:], "x")


def test_an_outcome_is_one_of_three_words():
    with pytest.raises(ValueError, match="holds, refuted, undecided"):
        Verdict("true", "x")


def test_an_experiment_with_few_seeds_has_no_verdict():
    module = EXPERIMENTS["critic"]
    few = {"critic-of-reviews": [run("critic-of-reviews", 0, {})]}
    assert verdict_of(module, few) is None
    assert "fewer than 5 seeds" in in_full(verdict_of(module, few))


def test_runs_of_another_experiment_are_the_given_ones_before_the_recorded_ones():
    """At another scale the recorded ones are of the wrong model."""
    module = EXPERIMENTS["frontier"]
    [borrowed], [own] = module.BORROWED, module.VARIANTS
    given = {own: [run(own, seed, {}) for seed in SEEDS], borrowed: [run(borrowed, 0, {})]}
    assert len(SEEDS) >= 5
    assert verdict_of(module, given) is None
