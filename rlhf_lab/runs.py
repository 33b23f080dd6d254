"""Recorded training runs: small JSON files that say what was run, by which code, on what."""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from importlib.metadata import version
from math import inf, isfinite, nan
from pathlib import Path
from typing import get_origin

from rlhf_lab.provenance import current_commit, hardware
from rlhf_lab.settings import require_json, require_json_dict
from rlhf_lab.whole_files import write_whole

KINDS = {"seconds": (int, float)}  # what JSON has for a field, where that is not its type
NAMES = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
"""texts that stand for numbers in a file, as in the JSON of protocol buffers; one `nan` for all, so
that a list with it is equal to itself when it is read again"""
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


def save(run: Run, folder: Path | str) -> Path:
    """Write `folder/NAME/seed-SEED.json` in one step: the whole file or the old one.

    A metric may be NaN or infinite, as PPO's "explained_variance" where all returns are equal. JSON
    has no such numbers, so the file has their `NAMES`. Raises ValueError where a field is of
    another type, and where a setting or metric is not plain JSON.
    """
    require_json(seed=run.seed)
    require_json_dict(settings=run.settings, metrics=_with(_named, run.metrics))
    if wrong := _wrong_field(run):
        raise ValueError(f"cannot save the run {run.name!r}: {wrong}")
    path = Path(folder) / run.name / f"seed-{run.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = asdict(run) | {"metrics": _with(_named, run.metrics)}
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def load(path: Path | str) -> Run:
    """Read one run. Raises ValueError naming the file where it is not a recorded run."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        run = Run(**content | {"metrics": _with(_number, content["metrics"])})
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a recorded run: {error!r}") from error
    if wrong := _wrong_field(run):
        raise ValueError(f"{path} is not a recorded run: {wrong}")
    return run


def load_all(name: str, folder: Path | str | None = None) -> list[Run]:
    """All runs of one name, in the order of their seeds. Raises FileNotFoundError for none."""
    place = Path(folder or recorded_folder()) / name
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


def _with(change: Callable[[object], object], metrics: object) -> object:
    """The metrics with each of their numbers changed; what is no table of numbers as it is."""
    if not isinstance(metrics, dict):
        return metrics
    return {
        name: [change(value) for value in values] if isinstance(values, list) else values
        for name, values in metrics.items()
    }


def _named(value: object) -> object:
    """A number as its name where JSON has none for it."""
    return json.dumps(value) if isinstance(value, float) and not isfinite(value) else value


def _number(value: object) -> object:
    """The number that a name stands for. KeyError for another text."""
    return NAMES[value] if isinstance(value, str) else value


def _wrong_field(run: Run) -> str:
    """Which field is not of its type; empty where each is."""
    for each in fields(Run):
        kind = KINDS.get(each.name, get_origin(each.type) or each.type)
        if not isinstance(value := getattr(run, each.name), kind):
            return f"its {each.name} is {value!r}"
    return ""
