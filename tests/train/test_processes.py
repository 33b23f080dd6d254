"""Real processes, started by Accelerate on the CPU, against one process on the same batches."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import ALGORITHMS

from rlhf_lab import processes

sys.path.insert(0, str(Path(__file__).parent))
from processes_run import main

SCRIPT = Path(__file__).with_name("processes_run.py")
LAUNCH = (
    *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
)


def free_port() -> str:
    """A port that nobody listens at; Accelerate 1.0 takes 0 for one and waits for ever."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return str(any_port.getsockname()[1])


def start(*command: str) -> subprocess.Popen:
    """`--multi_gpu` is what Accelerate calls several processes; this makes them use the CPU."""
    package = str(SCRIPT.parents[2])
    surroundings = os.environ | {"ACCELERATE_USE_CPU": "true", "PYTHONPATH": package}
    return subprocess.Popen([sys.executable, *command], env=surroundings, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def ends(tmp_path_factory) -> list[dict[str, torch.Tensor]]:
    """Weights and metrics at the end: of this one process, and of each of two."""
    folder = tmp_path_factory.mktemp("ends")
    run = start(*LAUNCH, "--main_process_port", free_port(), str(SCRIPT), str(folder))
    main(folder)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said.decode()[-2000:]
    return [load_file(folder / f"{name}.safetensors") for name in ("1-0", "2-0", "2-1")]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_processes_end_where_one_does(ends, algorithm):
    """Same responses, same statistics of groups and batches, same weights, on both."""
    alone, *both = (
        [(k, v) for k, v in end.items() if k.startswith(f"{algorithm}/")] for end in ends
    )
    assert len(alone) > 20
    for (name, expected), *others in zip(alone, *both, strict=True):
        for other, found in others:
            assert other == name
            assert torch.allclose(found, expected, rtol=1e-11, atol=1e-11), name


def rank(monkeypatch, index: int, count: int) -> None:
    monkeypatch.setenv("RANK", str(index))
    monkeypatch.setenv("WORLD_SIZE", str(count))


@pytest.mark.parametrize(("total", "count"), [(7, 3), (6, 3), (3, 3), (5, 1)])
def test_every_row_belongs_to_one_process_and_none_has_two_more_than_another(
    monkeypatch, total, count
):
    rows = []
    for index in range(count):
        rank(monkeypatch, index, count)
        rows.append(list(range(total))[processes.own(total)])
    assert [row for part in rows for row in part] == list(range(total))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_more_processes_than_rows_are_refused(monkeypatch):
    rank(monkeypatch, 0, 4)
    with pytest.raises(ValueError, match="4 processes cannot share 3 rows"):
        processes.own(3)


def test_only_the_first_process_is_the_main_one(monkeypatch):
    for index in (0, 1):
        rank(monkeypatch, index, 2)
        assert processes.is_main() == (index == 0)


def test_without_accelerate_several_processes_are_refused(monkeypatch):
    rank(monkeypatch, 0, 2)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match="pip install accelerate"):
        processes.summed(torch.ones(2))


def test_alone_a_sum_is_what_it_sums_and_a_batch_its_rows():
    x = torch.tensor([[1.0, float("nan")], [float("-inf"), 0.0]])
    assert torch.equal(processes.whole(x, 2).isnan(), x.isnan())
    assert processes.summed(x) is x
    mask = torch.tensor([True, False])
    assert torch.equal(processes.whole(mask, 2), mask)
