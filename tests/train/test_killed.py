"""A run that the system kills at a random moment goes on as if nothing had happened."""

import json
import multiprocessing
import random
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_runs import tiny_run

from rlhf_lab import metrics_log
from rlhf_lab.metrics_log import logged_history, read_log
from rlhf_lab.train.loop import history

sys.path.insert(0, str(Path(__file__).parent))
from killed_run import logged_run, slow_run

ALGORITHMS = ("ppo-adaptive", "grpo", "dpo")
STEPS = 20


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What each killed run has left: of all three, which are forks of one process."""
    places = {algorithm: tmp_path_factory.mktemp(algorithm) for algorithm in ALGORITHMS}
    forks = multiprocessing.get_context("forkserver")
    # What the runs import is imported once, by the process that they are forks of.
    forks.set_forkserver_preload(["killed_run", "transformers.models.gpt2.modeling_gpt2"])
    living = {
        name: forks.Process(target=slow_run, args=(name, places[name], STEPS)) for name in places
    }
    for run in living.values():
        run.start()
    due = {algorithm: random.randint(3, STEPS // 2) for algorithm in ALGORITHMS}
    while living:
        time.sleep(random.uniform(0.001, 0.02))
        for algorithm, run in list(living.items()):
            if len(read_log(places[algorithm] / "run.jsonl")) >= due[algorithm]:
                run.kill()
                living.pop(algorithm).join()
                assert run.exitcode == -signal.SIGKILL, "it ended too soon"
            assert run.exitcode in (None, -signal.SIGKILL), "it stopped by itself"
    return places


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_killed_run_goes_on_bit_for_bit(folders, algorithm):
    left = read_log(folders[algorithm] / "run.jsonl")
    assert 3 <= len(left) < STEPS
    table, models = logged_run(algorithm, folders[algorithm], STEPS)
    run, whole_models = tiny_run(algorithm, steps=STEPS)
    assert len(table.pop("seconds")) == STEPS
    assert table == history(run)
    for model, whole in zip(models, whole_models, strict=True):
        assert all(map(torch.equal, model.parameters(), whole.parameters()))


def test_a_log_without_the_steps_that_the_run_has_passed_is_refused(tmp_path):
    rows = [{"step": step, "loss": 1.0} for step in (3, 4)]
    with pytest.raises(ValueError, match="lacks step 0, which the run has passed"):
        logged_history(iter(rows), tmp_path / "run.jsonl", steps=5)


def test_a_log_keeps_the_last_row_of_a_step_and_every_digit(tmp_path):
    path = tmp_path / "runs" / "run.jsonl"
    with pytest.raises(ValueError, match="lacks step 2"):
        logged_history(({"step": n, "loss": 9.0} for n in range(2)), path, steps=3)
    again = logged_history(({"step": n, "loss": n / 3} for n in (1, 2)), path, steps=3)
    assert again["loss"] == [9.0, 1 / 3, 2 / 3]
    assert [json.loads(line)["loss"] for line in path.read_text().splitlines()] == again["loss"]


def test_a_new_run_over_an_old_log_begins_with_an_empty_one(tmp_path):
    """Else one that breaks off early would leave the other's later rows behind its own."""
    path = tmp_path / "run.jsonl"
    logged_history(({"step": n, "loss": 9.0} for n in range(4)), path, steps=4)
    with pytest.raises(ValueError, match="lacks step 2"):
        logged_history(({"step": n, "loss": 1.0} for n in range(2)), path, steps=4)
    assert [row["loss"] for row in read_log(path).values()] == [1.0, 1.0]


def test_a_step_adds_its_line_and_leaves_the_others_alone(tmp_path, monkeypatch):
    """A file written anew each step takes a time that grows with the square of the steps."""
    written = []
    monkeypatch.setattr(
        metrics_log, "write_whole", lambda path, text: written.append(text) or path.write_text(text)
    )
    path = tmp_path / "run.jsonl"
    table = logged_history(({"step": n, "loss": float(n)} for n in range(50)), path, steps=50)
    assert table["loss"] == [float(n) for n in range(50)]
    assert len(written) == 1
    assert len(read_log(path)) == 50


def test_a_line_that_was_being_written_when_the_run_was_killed_is_left_out(tmp_path):
    path = tmp_path / "run.jsonl"
    rows = [{"step": n, "loss": 1.0} for n in range(3)]
    path.write_text("\n".join(map(json.dumps, rows))[:-4])
    assert list(read_log(path)) == [0, 1]
    assert logged_history(iter(rows[2:]), path, steps=3)["loss"] == [1.0] * 3
    assert list(read_log(path)) == [0, 1, 2]


@pytest.mark.parametrize(
    "line", ['{"step": 1, "lo', '{"loss": 1.0}', "[1]", "no log", '{"step": [1]}', ""]
)
def test_a_line_that_is_no_step_is_named_with_its_file(tmp_path, line):
    path = tmp_path / "run.jsonl"
    path.write_text(f'{{"step": 0, "loss": 1.0}}\n{line}\n{{"step": 2, "loss": 1.0}}\n')
    with pytest.raises(ValueError, match=r"line 2 of .*run\.jsonl is no step of a run"):
        logged_history(iter([]), path, steps=3)


def test_a_log_that_is_no_text_is_named(tmp_path):
    (tmp_path / "run.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"line 1 of .*run\.jsonl is no step of a run"):
        read_log(tmp_path / "run.jsonl")


def test_a_run_of_no_steps_has_no_history(tmp_path):
    with pytest.raises(ValueError, match="steps must be a whole number, 1 or above, got 0"):
        logged_history(iter([]), tmp_path / "run.jsonl", steps=0)
