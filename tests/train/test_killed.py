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
