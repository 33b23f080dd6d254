"""What the page of the museum shows: every exercise, its known mistakes, and what a check says."""

from html import escape

from rlhf_lab.checks import CheckFailedError, check
from rlhf_lab.checks.catalogue import TOPICS
from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.html_tables import framed, table
from rlhf_lab.museum.bug import Bug


def exhibits() -> str:
    """All mistakes by topic and exercise: what was altered, what one sees, where it was seen."""
    parts = []
    for topic, exercises in TOPICS.items():
        parts.append(f"<h3>{escape(topic)}</h3>")
        parts += map(one_exercise, exercises)
    return framed("\n".join(parts))


def one_exercise(exercise: Exercise) -> str:
    """One exercise and its mistakes, folded."""
    rows = [
        (f"<strong>{escape(bug.name)}</strong>", escape(bug.says), escape(bug.looks), seen(bug))
        for bug in exercise.bugs
    ]
    head = ["Mistake", "What it does", "What one sees", "Seen in"]
    count = len(exercise.bugs)
    return (
        f"<details><summary><code>{exercise.name}</code>: {escape(exercise.asks)} "
        f"({count} mistakes)</summary>{table(head, rows, label=exercise.name)}</details>"
    )


def seen(bug: Bug) -> str:
    """Links to the issues and pull requests."""
    return ", ".join(f'<a href="{url}">{escape(name)}</a>' for name, url in bug.links)


def kill_matrix() -> str:
    """A row an exercise: how many of its mistakes its check refuses, and how many by their name."""
    rows = []
    for exercises in TOPICS.values():
        for exercise in exercises:
            refusals = [refusal(exercise, bug) for bug in exercise.bugs]
            named = sum(
                bug.says in words for bug, words in zip(exercise.bugs, refusals, strict=True)
            )
            rows.append(
                (f"<code>{exercise.name}</code>", len(refusals), sum(map(bool, refusals)), named)
            )
    rows.append(("all", *(sum(row[i] for row in rows) for i in (1, 2, 3))))
    return table(["Check", "Mistakes", "Refused", "By name"], rows, label="Mistakes and checks")


def refusal(exercise: Exercise, bug: Bug) -> str:
    """What the check says of a mistake; empty where it accepts it."""
    try:
        check(exercise, bug.function)
    except CheckFailedError as words:
        return str(words)
    return ""
