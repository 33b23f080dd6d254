"""Record an experiment of the embedded worlds: every variant, several seeds, under runs/.

    python tools/record.py dpo_reviews --seeds 5

Seeds run in parallel processes with one thread each. A run that is recorded already is kept, so
that an interrupted recording goes on where it stopped; delete a file to run it again.

    python tools/record.py --scale gpt2-small ppo

trains GPT-2 of 124M parameters instead, by one of the algorithms of `rlhf_lab.gpt2_small`, on one
GPU of 16 GB, or on several: accelerate launch --multi_gpu --num_processes 4 tools/record.py ...
With `overoptimisation` or `frontier` in place of an algorithm it runs that experiment on GPT-2.
It writes metrics, curves and samples under runs/, and goes on where it was broken off.
"""

import argparse
import importlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from tqdm import tqdm

from rlhf_lab import gpt2_experiments, gpt2_recording, runs
from rlhf_lab.gpt2_sampling import Size
from rlhf_lab.gpt2_small import ALGORITHMS

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


def record_experiment(experiment: str, *, seeds: int, processes: int) -> None:
    """Record what is missing of an experiment of the embedded worlds."""
    module = importlib.import_module(f"rlhf_lab.experiments.{experiment}")
    missing = [
        (experiment, name, seed)
        for seed in range(seeds)
        for name in module.VARIANTS
        if not (FOLDER / name / f"seed-{seed}.json").exists()
    ]
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(record, *job) for job in missing]
        for job in tqdm(as_completed(jobs), total=len(jobs), unit="run"):
            job.result()


def main() -> None:
    """Read the command line and record what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "experiment",
        help="a module of rlhf_lab/experiments with VARIANTS; at scale "
        + ", ".join((*ALGORITHMS, *gpt2_experiments.EXPERIMENTS)),
    )
    parser.add_argument("--seeds", type=int, help="record the seeds 0 to SEEDS - 1 (5; at scale 1)")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time")
    scale = parser.add_argument_group("GPT-2-small")
    scale.add_argument("--scale", choices=["gpt2-small"])
    scale.add_argument("--device", help="cuda, or cpu: minutes a step")
    scale.add_argument("--world", choices=gpt2_recording.WORLDS, help="where not from a hub")
    scale.add_argument("--base-steps", type=int, default=500, help="of an embedded world's model")
    scale.add_argument("--every", type=int, default=20, help="steps between checkpoints")
    scale.add_argument("--bf16", action="store_true", help="matrices in bfloat16")
    for name, value in vars(Size()).items():
        if name != "seed":
            scale.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    given = parser.parse_args()
    if given.scale is None:
        record_experiment(given.experiment, seeds=given.seeds or 5, processes=given.processes)
        return
    try:
        for seed in range(given.seeds or 1):
            sizes = {name: getattr(given, name, seed) for name in vars(Size())}
            size = Size(**sizes | {"seed": seed})
            device = gpt2_recording.device_named(given.device)
            if given.experiment in gpt2_experiments.EXPERIMENTS:
                world = gpt2_recording.task_for(
                    given.experiment, given.world, device, base_steps=given.base_steps
                )
                for path in gpt2_experiments.record(given.experiment, world, size, FOLDER):
                    print(path)
                continue
            gpt2_recording.record(
                given.experiment,
                size,
                FOLDER,
                device=device,
                world=given.world,
                base_steps=given.base_steps,
                every=given.every,
                bf16=given.bf16,
            )
    except ValueError as error:
        sys.exit(f"record.py: {error}")


if __name__ == "__main__":
    main()
