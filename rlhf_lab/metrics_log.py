"""The metrics of a run in a file that grows with it, so that a run broken off loses no step."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from rlhf_lab import processes
from rlhf_lab.settings import require_count
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.whole_files import write_whole


def logged_history(run: Iterable[Metrics], path: Path, *, steps: int) -> History:
    """`history` of a run of `steps` steps; those done before it was broken off come from `path`.

    One line of JSON a step, in the file before the step's checkpoint is, with the "seconds" that
    the step took. The rows from a run's first step on make way for its own: all, of a run that
    begins anew. Raises ValueError where a step is in neither, and for a file that is no such log.
    """
    require_count(steps=steps)
    path = Path(path)
    rows = read_log(path)
    history(_kept(run, path, rows), steps=steps)
    missing = [step for step in range(steps) if step not in rows]
    if missing:
        raise ValueError(
            f"{path} lacks step {missing[0]}, which the run has passed; delete it and the run's "
            "checkpoint to begin anew"
        )
    return {name: [rows[step][name] for step in range(steps)] for name in rows[0]}


def read_log(path: Path) -> dict[int, Metrics]:
    """The metrics in a file by their step, but a torn last line; none where there is no file.

    Raises ValueError that names file and line where one is no JSON object with a step.
    """
    *lines, _torn = path.read_bytes().split(b"\n") if path.exists() else [b""]
    rows = {}
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows[row["step"]] = row
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"line {number} of {path} is no step of a run: {line[:60]!r} ({error!r}); delete "
                "it and the run's checkpoint to begin anew, or name another file"
            ) from error
    return rows


def _kept(run: Iterable[Metrics], path: Path, rows: dict[int, Metrics]) -> Iterator[Metrics]:
    path.parent.mkdir(parents=True, exist_ok=True)
    start, first = time.perf_counter(), None
    for metrics in run:
        step = metrics["step"]
        if first is None:
            first = step
            for later in [number for number in rows if number >= first]:
                del rows[later]
        rows[step] = metrics | {"seconds": time.perf_counter() - start}
        if processes.is_main():
            _write(path, rows, step, anew=step == first)
        yield metrics
        start = time.perf_counter()


def _write(path: Path, rows: dict[int, Metrics], step: int, *, anew: bool) -> None:
    if anew:
        write_whole(path, "".join(f"{json.dumps(row)}\n" for row in rows.values()))
    else:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(rows[step])}\n")
