"""Record an experiment of the embedded worlds: every variant, several seeds, under runs/.

    python tools/record.py dpo_reviews --seeds 5

Seeds run in parallel processes with one thread each. A run that is recorded already is kept, so
that an interrupted recording goes on where it stopped; delete a file to run it again.

    python tools/record.py --scale gpt2-small ppo

trains GPT-2 of 124M parameters instead, by one of the algorithms of `rlhf_lab.gpt2_small`, on one
GPU of 16 GB, or on several: accelerate launch --multi_gpu --num_processes 4 tools/record.py ...
With `overoptimisation` or `frontier` in place of an algorithm it runs that experiment on GPT-2,
which took 20 GB with `--micro-batch-size 64`.
It writes metrics, curves and samples under runs/, and goes on where it was broken off.
"""

import argparse
import importlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path

import torch
from tqdm import tqdm

from rlhf_lab import gpt2_experiments, gpt2_recording, precision, runs
from rlhf_lab.gpt2_sampling import Size
from rlhf_lab.gpt2_small import ALGORITHMS

FOLDER = Path(__file__).resolve().parent.parent / "runs"


def record(experiment: str, name: str, seed: int, folder: Path = FOLDER) -> Path:
    """Run one seed of one variant and save it."""
    torch.set_num_threads(1)
    module = importlib.import_module(f"rlhf_lab.experiments.{experiment}")
    settings = module.VARIANTS[name]
    start = time.perf_counter()
    metrics = module.run(seed, **settings)
    seconds = time.perf_counter() - start
    run = runs.recorded(name, seed=seed, settings=settings, metrics=metrics, seconds=seconds)
    return runs.save(run, folder)


def record_experiment(experiment: str, *, seeds: range, processes: int) -> None:
    """Record what is missing of an experiment of the embedded worlds."""
    module = importlib.import_module(f"rlhf_lab.experiments.{experiment}")
    missing = [
        (experiment, name, seed)
        for seed in seeds
        for name in module.VARIANTS
        if not (FOLDER / name / f"seed-{seed}.json").exists()
    ]
    record_all([(*job, FOLDER) for job in missing], processes=processes)


def record_all(jobs: list[tuple[str, str, int, Path]], *, processes: int) -> None:
    """Call `record` with each of these, several at a time; the first that fails ends it."""
    with ProcessPoolExecutor(processes) as pool:
        running = [pool.submit(record, *job) for job in jobs]
        try:
            for job in tqdm(as_completed(running), total=len(running), unit="run"):
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def record_at_scale(given: argparse.Namespace, size: Size) -> None:
    """Record one seed of an algorithm, or of an experiment, on GPT-2-small."""
    device = gpt2_recording.device_named(given.device)
    made = {"base_steps": given.base_steps, "bf16": given.bf16}
    if given.experiment not in gpt2_experiments.EXPERIMENTS:
        more = {"device": device, "world": given.world, "every": given.every}
        gpt2_recording.record(given.experiment, size, FOLDER, **made | more)
        return
    with precision.bfloat16() if given.bf16 else nullcontext():
        world = gpt2_recording.task_for(
            given.experiment, given.world, device, base_steps=given.base_steps
        )
        for path in gpt2_experiments.record(
            given.experiment, world, size, FOLDER, made=made, only=given.variant
        ):
            print(path, flush=True)


def main() -> None:
    """Read the command line and record what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "experiment",
        help="a module of rlhf_lab/experiments with VARIANTS; at scale "
        + ", ".join((*ALGORITHMS, *gpt2_experiments.EXPERIMENTS)),
    )
    parser.add_argument("--seeds", type=int, help="how many seeds to record (5; at scale 1)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time")
    scale = parser.add_argument_group("GPT-2-small")
    scale.add_argument("--scale", choices=["gpt2-small"])
    scale.add_argument("--device", help="cuda, or cpu: minutes a step")
    scale.add_argument("--world", choices=gpt2_recording.WORLDS, help="where not from a hub")
    scale.add_argument("--base-steps", type=int, default=500, help="of an embedded world's model")
    scale.add_argument("--variant", action="append", help="of an experiment, only this one")
    scale.add_argument("--every", type=int, default=20, help="steps between checkpoints")
    scale.add_argument("--bf16", action="store_true", help="matrices in bfloat16")
    for name, value in vars(Size()).items():
        if name != "seed":
            scale.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    given = parser.parse_args()
    count = given.seeds or (5 if given.scale is None else 1)
    seeds = range(given.first_seed, given.first_seed + count)
    if given.scale is None:
        record_experiment(given.experiment, seeds=seeds, processes=given.processes)
        return
    try:
        for seed in seeds:
            sizes = {name: getattr(given, name, seed) for name in vars(Size())}
            record_at_scale(given, Size(**sizes | {"seed": seed}))
    except ValueError as error:
        sys.exit(f"record.py: {error}")


if __name__ == "__main__":
    main()
