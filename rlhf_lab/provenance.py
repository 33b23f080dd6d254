"""What made a record: the commit of the package, and the hardware."""

import os
import platform
import subprocess
from pathlib import Path

import torch


def current_commit() -> str:
    """RLHF_LAB_COMMIT, for a copy without its history, else the commit that git finds.

    "+ changes" where files differ from it, "unknown" where git knows none.
    """
    if named := os.environ.get("RLHF_LAB_COMMIT"):
        return named
    package = Path(__file__).parent
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", package, *arguments], capture_output=True, text=True, check=True
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", package])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + " + changes" if changes else commit


def hardware() -> dict:
    """Processor, number of cores and of torch's threads, and the GPU if there is one.

    `capability`: the instructions that torch's kernels use, on which the rounding depends.

    Of a GPU also the most memory that this process has held on it, in units of 10⁶ bytes.
    """
    found = {
        "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
    if found["gpu"]:
        found["gpu_peak_megabytes"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return found
