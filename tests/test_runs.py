import dataclasses
import json

import numpy as np
import pytest
import torch

from rlhf_lab import provenance, runs


def a_run(seed=0, metrics=None):
    return runs.recorded(
        "toy",
        seed=seed,
        settings={"beta": 0.1},
        metrics=metrics or {"loss": [0.7, 0.6]},
        seconds=1.0,
    )


def test_a_saved_run_is_read_back_whole(tmp_path):
    run = a_run()
    assert runs.load(runs.save(run, tmp_path)) == run


def test_a_run_says_what_made_it():
    run = a_run()
    assert set(run.versions) == {"python", "torch", "transformers", "numpy", "sympy"}
    assert run.hardware["cores"] >= 1
    assert run.commit


def test_a_copy_without_its_history_can_name_its_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.current_commit() == "unknown"
    monkeypatch.setenv("RLHF_LAB_COMMIT", "0123abc")
    assert provenance.current_commit() == "0123abc"


def test_runs_of_several_seeds_come_in_order(tmp_path):
    for seed in (10, 9, 0):
        runs.save(a_run(seed), tmp_path)
    assert [run.seed for run in runs.load_all("toy", tmp_path)] == [0, 9, 10]


def test_metrics_that_json_has_no_number_for_come_back_from_plain_json(tmp_path):
    """As PPO's explained variance, where all returns are equal."""
    run = a_run(metrics={"loss": [0.7, 0.6, 0.5], "fit": [float("nan"), -float("inf"), 1.0]})
    path = runs.save(run, tmp_path)
    json.loads(path.read_text(), parse_constant=pytest.fail)
    again = runs.load(path)
    assert again.metrics["loss"] == [0.7, 0.6, 0.5]
    assert np.isnan(again.metrics["fit"][0])
    assert again.metrics["fit"][1:] == [-float("inf"), 1.0]
    assert runs.load(path) == again


def test_a_setting_that_is_not_a_number_is_refused_and_the_old_file_stays(tmp_path):
    path = runs.save(a_run(), tmp_path)
    old, run = path.read_text(), a_run()
    run.settings["beta"] = float("nan")
    with pytest.raises(ValueError, match="beta must be plain JSON, got 'nan'"):
        runs.save(run, tmp_path)
    assert path.read_text() == old
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("field", "value"), [("seed", 1.5), ("seconds", "1"), ("name", None), ("versions", 3)]
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, field, value):
    """Else one file would keep all of its folder from being read."""
    run = a_run()
    object.__setattr__(run, field, value)
    with pytest.raises(ValueError, match=f"cannot save the run .*: its {field} is {value!r}"):
        runs.save(run, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["settings", "metrics"])
@pytest.mark.parametrize("value", [{1: 2}, [1]])
def test_what_is_no_dictionary_of_texts_is_not_saved(tmp_path, field, value):
    run = a_run()
    object.__setattr__(run, field, value)
    with pytest.raises(ValueError, match=f"{field} must be a dictionary with texts as keys, got"):
        runs.save(run, tmp_path)


def test_a_folder_may_be_text(tmp_path):
    runs.save(a_run(), f"{tmp_path}")
    assert [run.seed for run in runs.load_all("toy", f"{tmp_path}")] == [0]


@pytest.mark.parametrize("culprit", [print, torch.ones(()), np.float32(1)])
def test_what_is_no_json_is_named(tmp_path, culprit):
    """As users give it, who have no type checker."""
    for field, bad in (
        ("settings", {"bad": culprit}),
        ("metrics", {"good": [1.0], "bad": culprit}),
    ):
        run = a_run()
        object.__setattr__(run, field, bad)
        with pytest.raises(ValueError, match="bad must be plain JSON, got"):
            runs.save(run, tmp_path)
    run = a_run()
    object.__setattr__(run, "seed", np.int64(1))
    with pytest.raises(ValueError, match="seed must be plain JSON, got"):
        runs.save(run, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        "cut",
        "field missing",
        "field unknown",
        "metrics missing",
        "not an object",
        "no number",
        "no metric",
        "no text",
    ],
)
def test_a_damaged_file_is_named(tmp_path, change):
    path = runs.save(a_run(), tmp_path)
    fields = dataclasses.asdict(a_run())
    contents = {
        "cut": json.dumps(fields)[:-20],
        "field missing": json.dumps({k: v for k, v in fields.items() if k != "seed"}),
        "field unknown": json.dumps(fields | {"colour": 1}),
        "metrics missing": json.dumps({k: v for k, v in fields.items() if k != "metrics"}),
        "not an object": "[]",
        "no metric": json.dumps(fields | {"metrics": {"loss": ["1.0"]}}),
        "no number": json.dumps(fields | {"seed": "a"}),
        "no text": "",
    }
    path.write_text(contents[change])
    if change == "no text":
        path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"seed-0\.json is not a recorded run"):
        runs.load(path)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recorded runs"):
        runs.load_all("toy", tmp_path)


def test_the_folder_of_runs_can_be_named_and_its_absence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_LAB_RUNS", str(tmp_path))
    runs.save(a_run(), tmp_path)
    assert len(runs.load_all("toy")) == 1
    monkeypatch.setenv("RLHF_LAB_RUNS", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="RLHF_LAB_RUNS"):
        runs.recorded_folder()
