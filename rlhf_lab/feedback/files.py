"""Feedback as JSON Lines: one object a line, checked row by row when it is read.

    {"kind": "thumb", "prompt": "i", "source": "ai", "annotator": "a", "response": "b", "up": true}

Nothing is guessed: no missing field is filled in and no number is made of a string.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

from rlhf_lab.feedback.json_lines import (
    TEXT,
    WHOLE_NUMBER,
    BadRow,
    all_or_error,
    is_text,
    read_rows,
    require_fields,
)
from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Source, Thumb
from rlhf_lab.whole_files import write_whole

KINDS: dict[str, type[Feedback]] = {
    kind.__name__.lower(): kind for kind in (Comparison, Ranking, Rating, Thumb)
}
SOURCES = [source.value for source in Source]

# What the JSON of a field must be, by the type of the field.
FORMS: dict[type, tuple[str, Callable[[object], bool]]] = {
    str: TEXT,
    int: WHOLE_NUMBER,
    bool: ("true or false", lambda value: type(value) is bool),
    tuple[str, ...]: ("a list of texts", lambda x: isinstance(x, list) and all(map(is_text, x))),
    Source: (" or ".join(SOURCES), lambda value: value in SOURCES),
}
MADE: dict[type, Callable] = {tuple[str, ...]: tuple, Source: Source}


def write_feedback(feedback: Iterable[Feedback], path: Path) -> None:
    """Write one line an item: the whole file or, where anything fails, the old one."""
    write_whole(path, "".join(f"{as_line(item)}\n" for item in feedback))


def read_feedback(path: Path) -> list[Feedback]:
    """All rows of a file. Raises BadRowsError, which lists every bad row, if there is one."""
    return all_or_error(path, *feedback_and_bad_rows(path))


def feedback_and_bad_rows(path: Path) -> tuple[list[Feedback], list[BadRow]]:
    """The good rows of a file, and the bad ones with line number and reason."""
    return read_rows(path, as_feedback)


def as_line(item: Feedback) -> str:
    """One item as a JSON object without line breaks."""
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    row = {"kind": type(item).__name__.lower()} | values
    return json.dumps(row, ensure_ascii=False, default=lambda source: source.value)


def as_feedback(row: dict) -> Feedback:
    """The item that a JSON object describes. Raises ValueError with its faults."""
    kind = row.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {json.dumps(kind)}")
    types = {field.name: field.type for field in fields(KINDS[kind])}
    require_fields(row, {"kind": TEXT} | {name: FORMS[of] for name, of in types.items()})
    values = {name: MADE.get(of, lambda x: x)(row[name]) for name, of in types.items()}
    return KINDS[kind](**values)
