"""What tests/train/test_killed.py starts and kills: a slow run with checkpoints and a log."""

import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tiny_runs import tiny_run

from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.metrics_log import logged_history


def logged_run(algorithm: str, folder: Path, steps: int, *, pause: float = 0.0):
    """The history of a run whose state is kept every second step, and its models."""
    kept = Checkpoints(path=folder / "run.safetensors", every=2, settings={"steps": steps})
    run, models = tiny_run(algorithm, checkpoints=kept, steps=steps)

    def slowly():
        for metrics in run:
            time.sleep(pause)
            yield metrics

    return logged_history(slowly(), folder / "run.jsonl", steps=steps), models


def slow_run(algorithm: str, folder: Path, steps: int) -> None:
    """The same with time to be killed between two steps."""
    torch.set_num_threads(1)
    logged_run(algorithm, folder, steps, pause=0.05)
