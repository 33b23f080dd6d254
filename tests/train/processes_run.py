"""What tests/train/test_processes.py starts: every algorithm's short run, written to a file.

accelerate launch --multi_gpu --num_processes 2 tests/train/processes_run.py FOLDER
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tiny_runs import ALGORITHMS, tiny_run

from rlhf_lab import processes


def main(folder: Path) -> None:
    """Each process writes the weights and metrics that it has at the end of each run."""
    torch.set_num_threads(1)
    found = {}
    for algorithm in ALGORITHMS:
        run, models = tiny_run(algorithm, micro_batch_size=3)
        metrics = list(run)
        for number, row in enumerate(metrics):
            for name, value in row.items():
                found[f"{algorithm}/metrics/{number}/{name}"] = torch.tensor(
                    value, dtype=torch.float64
                )
        for number, model in enumerate(models):
            for name, weight in model.named_parameters():
                found[f"{algorithm}/weights/{number}/{name}"] = weight.detach().clone()
    rank = 0 if processes.is_main() else 1
    save_file(found, folder / f"{processes.count()}-{rank}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
