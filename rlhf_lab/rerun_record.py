"""The record of a whole repetition: every run of the embedded worlds again, number for number."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rlhf_lab.runs import Run, recorded_folder
from rlhf_lab.whole_files import write_whole

FILE = "rerun.json"  # beside the recorded runs


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What came of running `runs` runs again; the last four fields are those of the first `Run`.

    So what has a later `date` may have been recorded after it was read for the comparison.
    """

    runs: int
    variants: int
    numbers: int
    """metrics of all runs at all steps, without those that are a time"""
    different: dict[str, list[str]]
    """for each run with other numbers than before, by "NAME/seed-SEED", its metrics with them"""
    processes: int
    seconds: float | None
    """from the first run's start to the last run's end; None: it was broken off in between"""
    seconds_of_runs: float
    """the sum over all runs"""
    commit: str
    date: str
    versions: dict[str, str]
    hardware: dict


def results(run: Run) -> dict[str, list[float]]:
    """The metrics that are no time."""
    return {name: values for name, values in run.metrics.items() if "seconds" not in name}


def differing(old: Run, new: Run) -> list[str]:
    """The names of the metrics that are not the same, number for number, in both."""
    before, after = results(old), results(new)
    return [name for name in sorted(before | after) if before.get(name) != after.get(name)]


def compared(pairs: Sequence[tuple[Run, Run]], *, processes: int, seconds: float | None) -> Rerun:
    """The record of recorded runs and their repetitions.

    Raises ValueError for none, and where the repetitions are not of one commit.
    """
    if not pairs:
        raise ValueError("no runs to compare: is the folder of recorded runs empty?")
    if len(commits := sorted({new.commit for _, new in pairs})) > 1:
        raise ValueError(f"new runs must be of one commit, got {commits}: use an empty folder")
    found = {f"{old.name}/seed-{old.seed}": differing(old, new) for old, new in pairs}
    first = min((new for _, new in pairs), key=lambda run: run.date)
    return Rerun(
        runs=len(pairs),
        variants=len({old.name for old, _ in pairs}),
        numbers=sum(len(values) for old, _ in pairs for values in results(old).values()),
        different={name: metrics for name, metrics in found.items() if metrics},
        processes=processes,
        seconds=seconds,
        seconds_of_runs=round(sum(new.seconds for _, new in pairs)),
        commit=first.commit,
        date=first.date,
        versions=first.versions,
        hardware=first.hardware,
    )


def save(record: Rerun, folder: Path | None = None) -> Path:
    """Write the record beside the recorded runs, in one step."""
    path = (folder or recorded_folder()) / FILE
    write_whole(path, json.dumps(asdict(record), indent=1) + "\n")
    return path


def load(folder: Path | None = None) -> Rerun:
    """Read the record. Raises ValueError naming the file where it is not one."""
    path = (folder or recorded_folder()) / FILE
    try:
        return Rerun(**json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{path} is no record of a rerun: {error!r}") from error
