"""The record of a whole repetition says which numbers differ, and only those."""

import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from rlhf_lab import rerun_record, runs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import record
import rerun_all


def run(name, seed, metrics, *, seconds):
    return runs.recorded(name, seed=seed, settings={}, metrics=metrics, seconds=seconds)


OLD = run("a", 0, {"x": [1.0, 2.0], "y": [3.0], "seconds": [5.0]}, seconds=60.0)


def again(**metrics):
    return replace(OLD, metrics=OLD.metrics | metrics, seconds=40.0)


def test_a_number_that_differs_is_named_and_a_time_is_not():
    assert rerun_record.differing(OLD, again(seconds=[7.0])) == []
    nearly = [1.0, math.nextafter(2.0, 3.0)]
    assert rerun_record.differing(OLD, again(x=nearly, y=[3.5])) == ["x", "y"]
    assert rerun_record.differing(OLD, again(x=[1.0])) == ["x"]
    assert rerun_record.differing(OLD, again(z=[1.0])) == ["z"]


def test_the_record_counts_runs_numbers_and_seconds():
    other = run("b", 3, {"x": [1.0]}, seconds=20.0)
    changed = replace(other, metrics={"x": [1.5]})
    found = rerun_record.compared([(OLD, again()), (other, changed)], processes=2, seconds=31.0)
    assert (found.runs, found.variants, found.numbers) == (2, 2, 4)
    assert found.different == {"b/seed-3": ["x"]}
    assert (found.seconds, found.seconds_of_runs, found.processes) == (31.0, 60.0, 2)
    with pytest.raises(ValueError, match="no runs to compare"):
        rerun_record.compared([], processes=2, seconds=None)


def test_a_record_is_of_one_commit():
    pairs = [(OLD, again()), (OLD, replace(again(), commit="other"))]
    with pytest.raises(ValueError, match=r"must be of one commit, got .*other"):
        rerun_record.compared(pairs, processes=2, seconds=None)


def test_what_is_saved_is_read_back(tmp_path):
    found = rerun_record.compared([(OLD, again())], processes=2, seconds=None)
    assert rerun_record.load(rerun_record.save(found, tmp_path).parent) == found


@pytest.mark.parametrize("text", ["[", "{}", "[]", '{"runs": 3}'])
def test_another_file_is_no_record(text, tmp_path):
    (tmp_path / rerun_record.FILE).write_text(text)
    with pytest.raises(ValueError, match=r"rerun.json is no record of a rerun"):
        rerun_record.load(tmp_path)


def test_the_recorded_rerun_is_of_recorded_runs_and_what_differed_was_recorded_anew():
    """What was recorded after it, it does not know; CONTRIBUTING says when to make it anew."""
    found, listed = rerun_record.load(), rerun_all.recorded_runs()
    assert 1000 < found.runs <= len(listed)
    assert found.numbers <= sum(
        len(values) for _, one in listed for values in rerun_record.results(one).values()
    )
    anew = {f"{one.name}/seed-{one.seed}" for _, one in listed if one.date > found.date}
    assert set(found.different) <= anew


def test_a_rerun_is_dated_by_its_first_run():
    early, late = replace(again(), date="2026-01-01"), replace(again(), seed=1, date="2026-01-02")
    found = rerun_record.compared([(OLD, late), (OLD, early)], processes=2, seconds=None)
    assert found.date == "2026-01-01"


def called(monkeypatch, folder: Path, listed: list[runs.Run]) -> tuple[bool, list[int]]:
    """The exit status of the command on runs that come out as they were, and the seeds it ran."""
    ran = []

    def record_all(jobs: list, *, processes: int) -> None:
        for _, _, seed, into in jobs:
            ran.append(seed)
            runs.save(next(one for one in listed if one.seed == seed), into)

    monkeypatch.setattr(rerun_all, "record_all", record_all)
    monkeypatch.setattr(rerun_all, "recorded_runs", lambda: [("x", one) for one in listed])
    monkeypatch.setattr(rerun_record, "recorded_folder", lambda: folder)
    monkeypatch.setattr(sys, "argv", ["rerun_all.py", str(folder), "--processes", "1"])
    with pytest.raises(SystemExit) as stopped:
        rerun_all.main()
    return stopped.value.code, ran


def test_a_rerun_from_nothing_runs_all_and_says_how_long_it_took(tmp_path, monkeypatch):
    code, ran = called(monkeypatch, tmp_path, [OLD, replace(OLD, seed=1)])
    found = rerun_record.load(tmp_path)
    assert (code, ran, found.runs, found.different) == (0, [0, 1], 2, {})
    assert found.seconds is not None


def test_a_rerun_goes_on_where_it_was_broken_off(tmp_path, monkeypatch):
    """One of two runs is there already: only the other is run, and no whole time is claimed."""
    runs.save(again(x=[0.0]), tmp_path)
    code, ran = called(monkeypatch, tmp_path, [OLD, replace(OLD, seed=1)])
    found = rerun_record.load(tmp_path)
    assert (code, ran, found.seconds, found.different) == (1, [1], None, {"a/seed-0": ["x"]})


def test_the_recorded_runs_are_not_compared_with_themselves(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RLHF_LAB_RUNS", str(tmp_path))
    code, ran = called(monkeypatch, tmp_path, [OLD])
    assert (code, ran) == (2, [])
    assert "name a folder for the new ones" in capsys.readouterr().err


def test_the_first_run_that_fails_ends_a_recording(tmp_path, monkeypatch):
    ran = []

    def fails(_experiment: str, _name: str, seed: int, _folder: Path) -> None:
        ran.append(seed)
        time.sleep(0.05)
        raise ZeroDivisionError

    monkeypatch.setattr(record, "record", fails)
    monkeypatch.setattr(record, "ProcessPoolExecutor", ThreadPoolExecutor)
    with pytest.raises(ZeroDivisionError):
        record.record_all([("x", "a", seed, tmp_path) for seed in range(20)], processes=1)
    assert len(ran) < 10
