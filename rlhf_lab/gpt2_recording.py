"""Record a run of GPT-2-small: metrics and settings, curves, samples before and after.

Under the folder of runs; checkpoint and log of the run that is under way are in the cache folder,
so that the same command goes on where it was broken off.
"""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch

from rlhf_lab import plots, processes, runs
from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.gpt2_sampling import Size
from rlhf_lab.gpt2_small import ALGORITHMS
from rlhf_lab.gpt2_tasks import Task, imdb_task, reviews_task, sums_task
from rlhf_lab.metrics_log import logged_history
from rlhf_lab.precision import bfloat16
from rlhf_lab.train.loop import History
from rlhf_lab.weights import cache_folder
from rlhf_lab.whole_files import whole_file, write_whole

WORLDS = ("imdb", "reviews", "sums")
SHOWN = ("loss", "reward", "kl", "accuracy")  # those of them that a run has become its curves


def device_named(name: str | None) -> torch.device:
    """That device, or this process's GPU. ValueError where there is none."""
    if name not in (None, "cuda"):
        return torch.device(name)
    if not torch.cuda.is_available():
        raise ValueError(
            "GPT-2-small needs a GPU and none is here; name the processor with --device cpu, which "
            "takes minutes a step"
        )
    return processes.gpu()


def task_for(algorithm: str, world: str | None, device: torch.device, *, base_steps: int) -> Task:
    """IMDb where a hub answers, else the review world, said in one line; sums for rewarded steps.

    Supervised training in an embedded world begins from random weights.
    """
    if algorithm == "grpo-process":
        world = world or "sums"
    steps = 0 if algorithm == "sft" else base_steps
    if world in (None, "imdb"):
        try:
            return imdb_task(device)
        except (ConnectionError, ImportError) as error:
            if world is not None:
                raise ValueError(f"no IMDb: {error}") from error
            _say(f"no IMDb, so the review world instead: {error}")
    embedded = {None: reviews_task, "reviews": reviews_task, "sums": sums_task}[world]
    return embedded(device, base_steps=steps)


def record(
    algorithm: str,
    size: Size,
    folder: Path,
    *,
    device: torch.device,
    world: str | None,
    base_steps: int,
    every: int,
    bf16: bool,
) -> None:
    """Train, and write `folder`/gpt2-small-ALGORITHM/seed-SEED.json, .svg and .txt.

    The .json comes last, so that what it stands for is whole; a run that has one is recorded and
    kept. Raises ValueError for an algorithm that does not exist.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"no algorithm {algorithm!r}; there are {', '.join(ALGORITHMS)}")
    name = f"gpt2-small-{algorithm}"
    place = folder / name / f"seed-{size.seed}"
    if place.with_suffix(".json").exists():
        _say(f"{place}.json is there already")
        return
    with bfloat16() if bf16 else nullcontext():
        task = task_for(algorithm, world, device, base_steps=base_steps)
        settings = asdict(size) | {"world": task.name, "base_steps": base_steps, "bf16": bf16}
        run_folder = cache_folder() / "runs" / name
        kept = Checkpoints(
            path=run_folder / f"seed-{size.seed}.safetensors", every=every, settings=settings
        )
        training = ALGORITHMS[algorithm](task, size, kept)
        before = training.samples()
        log = kept.path.with_suffix(".jsonl")
        metrics = logged_history(training.run, log, steps=size.steps)
        after = training.samples()
    if processes.is_main():
        run = runs.recorded(
            name,
            seed=size.seed,
            settings=settings,
            metrics=metrics,
            seconds=sum(metrics["seconds"]),
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(place.with_suffix(".svg")) as partial:
            picture(metrics).savefig(partial, format="svg")
        texts = [f"before: {x}\nafter:  {y}\n" for x, y in zip(before, after, strict=True)]
        write_whole(place.with_suffix(".txt"), "\n".join(texts))
        _say(f"{runs.save(run, folder)}")
        for finished in (kept.path, log):
            finished.unlink(missing_ok=True)


def picture(metrics: History):
    """One panel of curves for each of the metrics that say whether it learns."""
    names = [name for name in SHOWN if name in metrics]
    axes = plots.panels(len(names), width=2.9 * len(names))
    for name, panel in zip(names, axes, strict=True):
        plots.curves(
            metrics["step"], {name: metrics[name]}, x_label="step", y_label=name, axes=panel
        )
    return axes[0].figure


def _say(text: str) -> None:
    if processes.is_main():
        print(text)
