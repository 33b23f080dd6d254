"""What this computer can run of the book."""

import os

import torch


def what_runs_here(*, seconds: float | None = None) -> str:
    """Two or three sentences: which world and scale run on this machine, and for how long.

    The cells of pages and notebooks train in the embedded worlds, for which a processor is enough.
    What trains GPT-2-small stands in a section of its own, is not run with the rest, and needs a
    GPU. seconds: how long all cells took on two cores when that was measured; None for unknown.
    """
    took = "" if seconds is None else f" All cells took {_minutes(seconds)} on two cores."
    if torch.cuda.is_available():
        name, memory = (
            torch.cuda.get_device_name(),
            torch.cuda.get_device_properties(0).total_memory,
        )
        return (
            f"A GPU is here: {name}, {memory / 2**30:.0f} GiB. The cells train in the embedded "
            f"worlds, on the processor.{took} The section on GPT-2-small, where there is one, says "
            "what to run on the GPU, in a clone of the repository with `pip install -e .`."
        )
    cores = os.cpu_count()
    return (
        f"No GPU, {cores} processor cores: the cells train in the embedded worlds.{took} "
        "Training GPT-2-small needs a GPU."
    )


def _minutes(seconds: float) -> str:
    """A time in words that say no more than a measurement on another machine can."""
    if seconds <= 90:
        return "about a minute"
    return f"about {round(seconds / 60)} minutes"
