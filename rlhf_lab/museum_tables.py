"""What the page of the museum shows: every exercise, its known mistakes, and what a check says."""

import re
from html import escape

from rlhf_lab.checks import CheckFailedError, check
from rlhf_lab.checks.catalogue import TOPICS, exercises
from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.html_tables import framed, table, worded
from rlhf_lab.kill_record import Kill, KillRecord
from rlhf_lab.museum.bug import Bug


def exhibits() -> str:
    """All mistakes by topic and exercise: what was altered, what one sees, where it was seen."""
    parts = []
    for topic, asked in TOPICS.items():
        parts.append(f"<h3>{escape(topic)}</h3>")
        parts += map(one_exercise, asked)
    return framed("\n".join(parts))


def one_exercise(exercise: Exercise) -> str:
    """One exercise and its mistakes, folded."""
    rows = [
        (f"<strong>{escape(bug.name)}</strong>", worded(bug.says), worded(bug.looks), seen(bug))
        for bug in exercise.bugs
    ]
    head = ["Mistake", "What it does", "What one sees", "Seen in"]
    count = "1 mistake" if len(exercise.bugs) == 1 else f"{len(exercise.bugs)} mistakes"
    return (
        f"<details><summary><code>{exercise.name}</code>: {worded(exercise.asks)} "
        f"({count})</summary>{table(head, rows, label=exercise.name)}</details>"
    )


def seen(bug: Bug) -> str:
    """Links to the issues and pull requests."""
    return ", ".join(f'<a href="{url}">{escape(name)}</a>' for name, url in bug.links)


def kill_matrix(record: KillRecord) -> str:
    """A row an exercise: how many of its mistakes its check and the package's tests refuse."""
    rows = []
    for exercise in exercises.values():
        refusals = [refusal(exercise, bug) for bug in exercise.bugs]
        named = sum(bug.says in words for bug, words in zip(exercise.bugs, refusals, strict=True))
        killed = sum(row.failures > 0 for row in rows_of(exercise, record))
        numbers = len(refusals), sum(map(bool, refusals)), killed, named
        rows.append((breakable(exercise.name), *numbers))
    rows.append(("<strong>all</strong>", *(sum(row[i] for row in rows) for i in range(1, 5))))
    head = ["Exercise", "All", "Check", "Tests", "Name"]
    return table(head, rows, label="Mistakes against checks and tests")


def kills(record: KillRecord) -> str:
    """Each exercise, folded: for every mistake the tests that fail, the first one of each file."""
    parts = []
    for exercise in exercises.values():
        rows = [
            (
                f"<strong>{escape(row.bug)}</strong>",
                f"{row.failures} of {row.tests}",
                "<br>".join(map(one_test, row.failed)),
            )
            for row in rows_of(exercise, record)
        ]
        shown = table(["Mistake", "Fail", "Such as"], rows, label=f"{exercise.name}: failing tests")
        places = sorted({place for row in rows_of(exercise, record) for place in row.places})
        title = f"{breakable(exercise.name)}, in the place of {breakable(', '.join(places))}"
        parts.append(f"<details><summary>{title}</summary>{shown}</details>")
    return framed("\n".join(parts))


def rows_of(exercise: Exercise, record: KillRecord) -> list[Kill]:
    """The recorded rows of an exercise, one a mistake.

    Raises ValueError where the record has others than the museum.
    """
    rows = [row for row in record.kills if row.exercise == exercise.name]
    if [row.bug for row in rows] != [bug.name for bug in exercise.bugs]:
        raise ValueError(
            f"no rows of today's mistakes for {exercise.name}: run tools/kill_matrix.py"
        )
    return rows


def one_test(name: str) -> str:
    """A test by its file and its law."""
    file, _, law = name.partition("::")
    return f"{breakable(file.removeprefix('tests/'))}: {breakable(law)}"


def breakable(name: str) -> str:
    """Code that may be broken into lines after each underscore, slash and dot."""
    return "<code>" + re.sub("([_/.])", "\\1<wbr>", escape(name)) + "</code>"


def refusal(exercise: Exercise, bug: Bug) -> str:
    """What the check says of a mistake; empty where it accepts it."""
    try:
        check(exercise, bug.function)
    except CheckFailedError as words:
        return str(words)
    return ""
