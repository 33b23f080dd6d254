"""Record an experiment of the embedded worlds: every variant, several seeds, under runs/.

    python tools/record.py dpo_reviews --seeds 5

Seeds run in parallel processes with one thread each. A run that is recorded already is kept, so
that an interrupted recording goes on where it stopped; delete a file to run it again.
"""

import argparse
import importlib
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from tqdm import tqdm

from rlhf_lab import runs

FOLDER = Path(__file__).resolve().parent.parent / "runs"


def record(experiment: str, name: str, seed: int) -> Path:
    """Run one seed of one variant and save it."""
    torch.set_num_threads(1)
    module = importlib.import_module(f"rlhf_lab.experiments.{experiment}")
    settings = module.VARIANTS[name]
    start = time.perf_counter()
    metrics = module.run(seed, **settings)
    seconds = time.perf_counter() - start
    run = runs.recorded(name, seed=seed, settings=settings, metrics=metrics, seconds=seconds)
    return runs.save(run, FOLDER)


def main() -> None:
    """Read the command line and record what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", help="a module of rlhf_lab/experiments with VARIANTS")
    parser.add_argument("--seeds", type=int, default=5, help="record the seeds 0 to SEEDS - 1")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time")
    arguments = parser.parse_args()
    module = importlib.import_module(f"rlhf_lab.experiments.{arguments.experiment}")
    missing = [
        (arguments.experiment, name, seed)
        for seed in range(arguments.seeds)
        for name in module.VARIANTS
        if not (FOLDER / name / f"seed-{seed}.json").exists()
    ]
    with ProcessPoolExecutor(arguments.processes) as pool:
        jobs = [pool.submit(record, *job) for job in missing]
        for job in tqdm(as_completed(jobs), total=len(jobs), unit="run"):
            job.result()


if __name__ == "__main__":
    main()
