"""Runs made on another processor: which differ, and whether a verdict does."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from rlhf_lab.experiment_tables import name_of, recorded_experiments
from rlhf_lab.runs import recorded_folder

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import rerun_verdicts

NAME = "delayed_reward"
RECORDED = {m: v for m, v in recorded_experiments().items() if name_of(m) == NAME}


@pytest.fixture
def copies(tmp_path):
    """A folder with the recorded runs of one experiment, as if they had been made again."""
    (variants,) = RECORDED.values()
    for run in (run for group in variants.values() for run in group):
        target = tmp_path / run.name / f"seed-{run.seed}.json"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(recorded_folder() / run.name / target.name, target)
        altered(target, commit="abc", hardware={"capability": "NEON"})
    return tmp_path


def altered(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def changed(path, change):
    content = json.loads(path.read_text())
    content["metrics"] = {name: change(values) for name, values in content["metrics"].items()}
    path.write_text(json.dumps(content))


def test_equal_runs_give_the_recorded_verdict(copies):
    found = rerun_verdicts.compared(RECORDED, copies)[NAME]
    assert found["different"] == 0
    assert found["recorded"] == found["here"] == "holds"
    assert found["runs"] == len(list(copies.rglob("*.json")))


def test_a_run_that_differs_is_counted_and_a_verdict_is_of_the_new_runs(copies):
    first = min(copies.rglob("*.json"))
    changed(first, lambda values: [1.001 * x for x in values])
    assert rerun_verdicts.compared(RECORDED, copies)[NAME]["different"] == 1
    for path in copies.rglob("*.json"):
        changed(path, lambda values: [0.0 for _ in values])
    found = rerun_verdicts.compared(RECORDED, copies)[NAME]
    assert found["recorded"] == "holds" != found["here"]


def test_an_experiment_that_lacks_a_run_is_left_out(copies):
    min(copies.rglob("*.json")).unlink()
    assert rerun_verdicts.compared(RECORDED, copies) == {}


def test_commit_and_processor_are_those_of_the_new_runs_and_the_same_for_all(copies):
    found = rerun_verdicts.compared(RECORDED, copies)[NAME]
    assert (found["commit"], found["capability"]) == ("abc", "NEON")
    altered(min(copies.rglob("*.json")), commit="def")
    with pytest.raises(ValueError, match="one commit, got"):
        rerun_verdicts.compared(RECORDED, copies)


def test_runs_with_other_settings_are_refused(copies):
    altered(min(copies.rglob("*.json")), settings={"gamma": 0.3})
    with pytest.raises(ValueError, match="other settings"):
        rerun_verdicts.compared(RECORDED, copies)


def test_what_the_folder_lacks_keeps_what_was_said_of_it(copies, tmp_path, monkeypatch):
    said = tmp_path / "recorded"
    said.mkdir()
    (said / rerun_verdicts.FILE).write_text(json.dumps({"other": 1, NAME: 2}))
    monkeypatch.setattr(rerun_verdicts.runs, "recorded_folder", lambda: said)
    monkeypatch.setattr(rerun_verdicts, "recorded_experiments", lambda: RECORDED)
    monkeypatch.setattr(sys, "argv", ["rerun_verdicts.py", str(copies)])
    rerun_verdicts.main()
    written = json.loads((said / rerun_verdicts.FILE).read_text())
    assert written["other"] == 1
    assert written[NAME]["here"] == "holds"
