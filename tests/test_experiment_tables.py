"""The page of experiments: what it reads from docstrings, from the catalogue and from runs/."""

import pkgutil
import re
import types
from pathlib import Path

import pytest
import yaml

from rlhf_lab import claim_evidence, experiment_tables, experiments, runs
from rlhf_lab.experiments import catalogue


@pytest.fixture
def module() -> types.ModuleType:
    """An experiment with two variants."""
    made = types.ModuleType(
        "rlhf_lab.experiments.some_thing",
        "Does it rise? (DPO-1,\nPPO-2)\n\nHypothesis: yes & no.\n\nExact world.",
    )
    made.VARIANTS = {"a": {}, "b": {}}
    return made


def run(name: str, seed: int, **metrics: list[float]) -> runs.Run:
    """A recorded run that took two seconds."""
    return runs.recorded(name, seed=seed, settings={}, metrics=metrics, seconds=2.0)


def test_the_catalogue_names_every_experiment_once():
    listed = [module.__name__ for topic in catalogue.TOPICS.values() for module in topic]
    path, package = experiments.__path__, experiments.__name__
    names = {f"{package}.{found.name}" for found in pkgutil.iter_modules(path)}
    with_variants = {name for name in names if hasattr(pkgutil.resolve_name(name), "VARIANTS")}
    assert sorted(listed) == sorted(with_variants)


def test_every_experiment_says_what_it_expects_and_what_would_refute_it():
    for topic in catalogue.TOPICS.values():
        for module in topic:
            words = " ".join(experiment_tables.paragraphs(module))
            assert "ypothes" in words, module.__name__
            assert "efuted" in words, module.__name__
            assert "(" in experiment_tables.question(module), module.__name__


def test_question_and_hypothesis_are_the_paragraphs_of_the_docstring(module):
    assert experiment_tables.question(module) == "Does it rise? (DPO-1, PPO-2)"
    assert experiment_tables.hypothesis(module) == ["Hypothesis: yes & no.", "Exact world."]


@pytest.mark.parametrize(
    ("words", "claims"),
    [
        ("Is it? (FB-10 to FB-12)", ["FB-10", "FB-11", "FB-12"]),
        ("Is it? (PPO-9, -10, GRPO-7)", ["PPO-9", "PPO-10", "GRPO-7"]),
        ("Is it? (PPO-1, GRPO-4)", ["PPO-1", "GRPO-4"]),
    ],
)
def test_the_question_names_the_claims_that_it_tests(words: str, claims: list[str], module):
    module.__doc__ = words
    assert claim_evidence.tested_claims(module) == claims


def test_every_claim_with_experiment_as_evidence_has_a_recorded_one():
    ledger = Path(__file__).parents[1] / "chapters" / "claims.yml"
    rows = yaml.safe_load(ledger.read_text(encoding="utf-8"))
    asked = {claim for claim, row in rows.items() if "experiment" in row["evidence"]}
    tested = {
        claim
        for module, variants in experiment_tables.recorded_experiments().items()
        if all(len(variants.get(name, ())) >= 5 for name in module.VARIANTS)
        for claim in claim_evidence.tested_claims(module)
    }
    assert asked - tested == set()


def test_every_claim_that_an_experiment_names_has_experiment_as_evidence():
    ledger = Path(__file__).parents[1] / "chapters" / "claims.yml"
    rows = yaml.safe_load(ledger.read_text(encoding="utf-8"))
    wrong = {
        (module.__name__, claim)
        for topic in catalogue.TOPICS.values()
        for module in topic
        for claim in claim_evidence.tested_claims(module)
        if "experiment" not in rows[claim]["evidence"]
    }
    assert wrong == set()


def test_the_experiments_with_added_seeds_are_those_with_more_than_at_the_first_look():
    recorded = experiment_tables.recorded_experiments()
    assert len(set(catalogue.EXTENDED)) == len(catalogue.EXTENDED)
    for module in catalogue.EXTENDED:
        assert max(map(len, recorded[module].values())) > catalogue.FIRST_LOOK, module.__name__


def test_the_evidence_of_a_claim_is_its_proofs_and_its_experiments(module):
    html = claim_evidence.evidence_by_claim({module: {}})
    row = re.search(r'<tr><td><span data-claim="DPO-1">.*?</tr>', html)[0]
    assert 'href="experiments.html#experiment-some-thing"' in row
    assert "<code>loss</code>" in row


def test_the_last_value_of_each_metric_is_shown_with_its_interval(module):
    variants = {"a": [run("a", seed, x=[9.0, 1.0 + seed], y=[7.0]) for seed in range(3)]}
    html = experiment_tables.last_values(variants)
    assert "<td>2 [-0.484, 4.48]</td><td>7</td>" in html  # Student's interval of 1, 2, 3
    assert "<td>a</td><td>3</td>" in html


def test_a_variant_without_a_metric_leaves_its_cell_empty():
    variants = {"a": [run("a", s, x=[1.0 * s]) for s in range(2)], "b": [run("b", 0, y=[1.0])]}
    html = experiment_tables.last_values(variants)
    assert "<td>b</td><td>1</td><td></td>" in html


def test_claims_are_marked_for_the_book_to_link_and_words_are_escaped(module):
    html = experiment_tables.details(module, {})
    assert '<span data-claim="PPO-2">PPO-2</span>' in html
    assert "yes &amp; no" in html
    assert "Not recorded yet" in html
    assert "tools/record.py some_thing --seeds 5<" in html


def test_the_command_records_as_many_seeds_as_there_are(module):
    variants = {"a": [run("a", s, x=[1.0]) for s in range(3)], "b": [run("b", 0, x=[1.0])]}
    assert "tools/record.py some_thing --seeds 3<" in experiment_tables.details(module, variants)


def test_the_overview_counts_variants_seeds_and_minutes(module):
    variants = {"a": [run("a", s, x=[1.0]) for s in range(3)], "b": [run("b", 0, x=[1.0])]}
    html = experiment_tables.overview({module: variants})
    assert '<td class="number">2</td><td class="number">1</td><td>0.1</td>' in html


def test_a_variant_that_is_not_recorded_counts_as_no_seed(module):
    html = experiment_tables.overview({module: {"a": [run("a", 0, x=[1.0])]}})
    assert '<td class="number">2</td><td class="number">0</td>' in html


def test_the_question_is_a_link_and_its_claims_stand_beside_it(module):
    html = experiment_tables.overview({module: {}})
    assert '<a href="#experiment-some-thing">Does it rise?</a> (<span' in html


def test_the_origin_names_commit_versions_and_hardware(module):
    words = experiment_tables.origin([[run("a", 0, x=[1.0])]])
    assert "1 run of 2.0 s" in words
    twice = experiment_tables.origin([[run("a", 0, x=[1.0]), run("a", 1, x=[1.0])]])
    assert "2 runs of 2.0 to 2.0 s" in twice
    assert "no GPU" in words
