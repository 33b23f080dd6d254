"""The recorded kill matrix: each known mistake, put into the package, and the tests that fail."""

import hashlib
import importlib
import inspect
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.transplants import AROUND, transplant
from rlhf_lab.museum.bug import Bug
from rlhf_lab.provenance import current_commit
from rlhf_lab.runs import recorded_folder
from rlhf_lab.whole_files import write_whole

FILE = "kill_matrix.json"  # beside the recorded runs


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One known mistake and the tests of the package that fail with it."""

    exercise: str
    bug: str
    places: tuple[str, ...]  # the package's functions that it stood in for
    tests: int  # how many ran
    failed: tuple[str, ...]  # the first of those that failed in each file, "tests/test_kl.py::..."
    failures: int  # how many failed in all
    code: str  # fingerprint of the mistake and of what it replaced


@dataclass(frozen=True, kw_only=True)
class KillRecord:
    """A row a known mistake, in the order of the catalogue, and the code that made them."""

    commit: str
    date: str
    versions: dict[str, str]
    kills: tuple[Kill, ...]


def known() -> list[tuple[Exercise, Bug]]:
    """Every known mistake with its exercise, in the order of the catalogue."""
    return [(exercise, bug) for exercise in exercises.values() for bug in exercise.bugs]


def name_of(exercise: Exercise, bug: Bug) -> str:
    """`exercise/bug`, by which one mistake is asked for."""
    return f"{exercise.name}/{bug.function.__name__}"


def fingerprint(exercise: Exercise, bug: Bug) -> str:
    """A hash of the source of the mistake, of what it stands in for, and of what puts it there."""
    sources = list(sources_of(bug.function))
    for place in transplant(exercise, bug):
        module, _, name = place.rpartition(".")
        original = getattr(importlib.import_module(f"rlhf_lab.{module}"), name)
        sources.append(inspect.getsource(inspect.unwrap(original)))
    if not exercise.replaces:
        sources.append(inspect.getsource(inspect.unwrap(AROUND[exercise.name])))
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]


def sources_of(function: Callable, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The source of a function, and of those of its own module that it names."""
    function = inspect.unwrap(function)
    seen |= {function.__name__}
    yield inspect.getsource(function)
    for name in sorted(set(function.__code__.co_names) - seen):
        called = function.__globals__.get(name)
        if inspect.isfunction(called) and called.__module__ == function.__module__:
            yield from sources_of(called, seen)


def recorded(kills: Sequence[Kill]) -> KillRecord:
    """The rows with the commit, date and versions of this moment."""
    packages = {name: version(name) for name in ("torch", "transformers", "pytest")}
    return KillRecord(
        commit=current_commit(),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions={"python": platform.python_version()} | packages,
        kills=tuple(kills),
    )


def save(record: KillRecord, folder: Path | None = None) -> Path:
    """Write the record beside the recorded runs, in one step."""
    path = (folder or recorded_folder()) / FILE
    write_whole(path, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")
    return path


def load(folder: Path | None = None) -> KillRecord:
    """Read the record. Raises ValueError naming the file where it is not one."""
    path = (folder or recorded_folder()) / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kills = [
            Kill(**row | {name: tuple(row[name]) for name in ("places", "failed")})
            for row in content.pop("kills")
        ]
        return KillRecord(**content, kills=tuple(kills))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no kill matrix: {error!r}") from error
