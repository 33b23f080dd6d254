"""Recorded training runs: small JSON files that say what was run, by which code, on what."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import get_origin

import torch

from rlhf_lab.settings import require_json
from rlhf_lab.whole_files import write_whole

KINDS = {"seconds": (int, float)}  # what JSON has for a field, where that is not its type
PACKAGES = ("torch", "transformers", "numpy", "sympy")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recorded run; `metrics` as from `rlhf_lab.train.loop.history`."""

    name: str
    seed: int
    settings: dict
    metrics: dict[str, list[float]]
    seconds: float
    commit: str
    date: str
    versions: dict[str, str]
    hardware: dict


def recorded(
    name: str, *, seed: int, settings: dict, metrics: dict[str, list[float]], seconds: float
) -> Run:
    """A run with the commit, date, versions and hardware of this moment."""
    return Run(
        name=name,
        seed=seed,
        settings=settings,
        metrics=metrics,
        seconds=round(seconds, 3),
        commit=current_commit(),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions={"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        hardware=hardware(),
    )


def save(run: Run, folder: Path) -> Path:
    """Write `folder/NAME/seed-SEED.json` in one step: the whole file or the old one.

    Raises ValueError where a setting or metric is not plain JSON (NaN is not).
    """
    for part in ({"seed": run.seed}, run.settings, run.metrics):
        require_json(**part)
    path = Path(folder) / run.name / f"seed-{run.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(run), indent=1, allow_nan=False) + "\n")
    return path


def load(path: Path) -> Run:
    """Read one run. Raises ValueError naming the file where it is not a recorded run."""
    try:
        run = Run(**json.loads(Path(path).read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"{path} is not a recorded run: {error}") from error
    for each in fields(Run):
        kind = KINDS.get(each.name, get_origin(each.type) or each.type)
        if not isinstance(value := getattr(run, each.name), kind):
            raise ValueError(f"{path} is not a recorded run: its {each.name} is {value!r}")
    return run


def load_all(name: str, folder: Path | None = None) -> list[Run]:
    """All runs of one name, in the order of their seeds. Raises FileNotFoundError for none."""
    place = (folder or recorded_folder()) / name
    paths = sorted(place.glob("seed-*.json"))
    if not paths:
        raise FileNotFoundError(f"no recorded runs (seed-*.json) in {place}")
    return sorted((load(path) for path in paths), key=lambda run: run.seed)


def runs_of(name: str) -> list[Run]:
    """All runs of one name as `load_all` gives them, and none where it is not recorded."""
    try:
        return load_all(name)
    except FileNotFoundError:
        return []


def recorded_folder() -> Path:
    """The recorded runs: RLHF_LAB_RUNS, else the clone's runs/, else those that pip installed."""
    named = os.environ.get("RLHF_LAB_RUNS")
    package = Path(__file__).parent
    places = [Path(named)] if named else [package.parent / "runs", package / "recorded"]
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"no folder of recorded runs at {' or '.join(map(str, places))}: install the package "
        "again, or name a clone's runs/ in RLHF_LAB_RUNS"
    )


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
