"""Measure what the lab costs a teacher: the release, and five submissions graded.

    python tools/measure_lab.py FOLDER --record    writes runs/lab.json

The five are a right one, one that is right in part, an empty one, one that loops for ever and one
that ends its process. They are written into FOLDER and graded as `make lab-grade` does it.
"""

import argparse
import csv
import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import nbformat
from lab_source import ROOT, questions, source_notebook, untouched

from rlhf_lab.checks import check
from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.provenance import current_commit
from rlhf_lab.whole_files import write_whole

LOOP, CRASH = "while True:\n    pass", "import os\n\nos._exit(1)"


def solved(student: nbformat.NotebookNode, names: set[str]) -> nbformat.NotebookNode:
    """The student's notebook with the solutions of some questions filled in."""
    filled = {
        untouched(cell): cell
        for question in questions(source_notebook())
        for cell in question.cells
        if question.name in names
    }
    book = nbformat.from_dict(json.loads(json.dumps(student)))
    for cell in book.cells:
        cell["source"] = filled.get(cell.source, cell.source)
    return book


def with_cell(book: nbformat.NotebookNode, source: str, place: int) -> nbformat.NotebookNode:
    """The notebook with one more cell of code."""
    more = nbformat.from_dict(json.loads(json.dumps(book)))
    more.cells.insert(place, nbformat.v4.new_code_cell(source))
    return more


def five(student: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    """The submissions by name."""
    names = [question.name for question in questions(source_notebook())]
    right = solved(student, set(names))
    return {
        "right": right,
        "partly": solved(student, set(names[: len(names) // 2])),
        "empty": student,
        "loop": with_cell(right, LOOP, 8),
        "crash": with_cell(right, CRASH, 8),
    }


def timed(*command: str | Path) -> float:
    """The seconds of a command that must go well."""
    start = time.monotonic()
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL)
    return round(time.monotonic() - start, 1)


def outline() -> list[dict]:
    """Title, difficulty, minutes and points of each question, from its text."""
    head = (
        r"### (?P<title>.+)\n\n\*.* Difficulty (?P<difficulty>\d) of 3, (?P<minutes>\d+) minutes, "
    )
    found = []
    for question in questions(source_notebook()):
        read = re.match(head, question.text)
        numbers = {name: int(read[name]) for name in ("difficulty", "minutes")}
        found.append({"title": read["title"], **numbers, "points": question.points})
    return found


def seconds_of_checks() -> dict[str, float]:
    """How long each check of a function of the lab takes here, on the museum's first mistake."""
    found = {}
    for name, exercise in exercises.items():
        start = time.monotonic()
        try:
            check(exercise, exercise.bugs[0].function)
        except AssertionError:
            found[name] = round(time.monotonic() - start, 3)
    return found


def main() -> None:
    """Make the release and the five, grade them, and record what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-lab" / "bin" / "python")
    parser.add_argument("--record", action="store_true", help="write runs/lab.json")
    given = parser.parse_args()
    release, hand_in = given.folder / "release", given.folder / "submissions"
    hand_in.mkdir(parents=True)
    tools, python = ROOT / "tools", ("--python", given.python)
    made = timed(sys.executable, tools / "make_lab.py", *python, "--output", release)
    student = nbformat.read(release / "lab.ipynb", as_version=4)
    for name, book in five(student).items():
        nbformat.write(book, hand_in / f"{name}.ipynb")
    zipped = ("--autograder", release / "teacher" / "rlhf-lab-autograder.zip")
    graded = timed(sys.executable, tools / "grade_lab.py", hand_in, *python, *zipped)
    with (hand_in / "grades.csv").open(encoding="utf-8-sig", newline="") as rows:
        table = list(csv.DictReader(rows))
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": current_commit(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "release_seconds": made,
        "grading_seconds": graded,
        "submissions": [
            {key: row[key] for key in ("submission", "points", "out_of", "outcome", "seconds")}
            for row in table
        ],
        "questions": outline(),
        "check_seconds": seconds_of_checks(),
    }
    print(json.dumps(record, indent=2))
    if given.record:
        write_whole(ROOT / "runs" / "lab.json", json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
