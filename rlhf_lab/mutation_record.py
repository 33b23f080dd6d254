"""The recorded mutation report: what was altered, what was refused, and by which code."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from rlhf_lab.derivations.checker.tally import Tally
from rlhf_lab.provenance import current_commit
from rlhf_lab.runs import recorded_folder
from rlhf_lab.whole_files import write_whole

FILE = "mutation.json"  # beside the recorded runs


@dataclass(frozen=True, kw_only=True)
class MutationRecord:
    """One tally for each result of the catalogue, in reading order, and the code that made them."""

    commit: str
    date: str
    versions: dict[str, str]
    tallies: tuple[Tally, ...]


def recorded(tallies: Sequence[Tally]) -> MutationRecord:
    """The tallies with the commit, date and versions of this moment."""
    packages = {name: version(name) for name in ("sympy", "mpmath")}
    return MutationRecord(
        commit=current_commit(),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions={"python": platform.python_version()} | packages,
        tallies=tuple(tallies),
    )


def save(record: MutationRecord, folder: Path | None = None) -> Path:
    """Write the record beside the recorded runs, in one step."""
    path = (folder or recorded_folder()) / FILE
    write_whole(path, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")
    return path


def load(folder: Path | None = None) -> MutationRecord:
    """Read the record. Raises ValueError naming the file where it is not one."""
    path = (folder or recorded_folder()) / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tallies = [
            Tally(**{**row, "accepted": tuple(row["accepted"])}) for row in content.pop("tallies")
        ]
        return MutationRecord(**content, tallies=tuple(tallies))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no mutation record: {error!r}") from error
