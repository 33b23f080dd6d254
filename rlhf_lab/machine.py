"""What this computer can run of the book."""

import os

import torch


def what_runs_here() -> str:
    """One or two sentences: processor or GPU, and which of the worlds run on it.

    Pages and notebooks train in the embedded worlds, for which a processor is enough. Cells for
    GPT-2-small stand apart; they need a GPU.
    """
    if torch.cuda.is_available():
        name, memory = (
            torch.cuda.get_device_name(),
            torch.cuda.get_device_properties(0).total_memory,
        )
        return (
            f"A GPU is here: {name}, {memory / 2**30:.0f} GiB. The cells below train in the "
            "embedded worlds, on the processor; those marked for GPT-2-small can run on the GPU."
        )
    cores = os.cpu_count()
    return (
        f"No GPU, {cores} processor cores: the embedded worlds run here, about a minute a page. "
        "The cells marked for GPT-2-small need a GPU."
    )
