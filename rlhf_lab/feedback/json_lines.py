"""JSON Lines, read row by row: every bad row is reported, none is left out silently."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Given = TypeVar("Given")
Row = TypeVar("Row")


@dataclass(frozen=True)
class BadRow:
    """A line of a file, counted from 1, and what is wrong with it."""

    line: int
    reason: str


class BadRowsError(ValueError):
    """Some rows of a file cannot be used; `rows` holds every one of them."""

    def __init__(self, place: Path | str, rows: Sequence[BadRow], good: int):
        self.rows = list(rows)
        listed = "\n".join(f"  line {row.line}: {row.reason}" for row in rows)
        super().__init__(
            f"{place}: {len(rows)} of {len(rows) + good} rows are bad. Mend them, or ask for the "
            f"good rows alone (the functions named ..._and_bad_rows).\n{listed}"
        )


def read_rows(path: Path, made: Callable[[dict], Row]) -> tuple[list[Row], list[BadRow]]:
    """`made(object)` of each line, and the lines whose text or object gave a ValueError.

    Lines end at "\\n" alone. Every line counts; a blank one is bad.
    """
    *lines, rest = Path(path).read_bytes().split(b"\n")
    return made_rows([*lines, rest] if rest else lines, lambda line: made(_parsed(line)))


def made_rows(
    rows: Iterable[Given], made: Callable[[Given], Row]
) -> tuple[list[Row], list[BadRow]]:
    """`made(row)` of each row, and the rows, counted from 1, for which it raised ValueError."""
    good, bad = [], []
    for number, row in enumerate(rows, start=1):
        try:
            good.append(made(row))
        except ValueError as error:
            bad.append(BadRow(number, str(error)))
    return good, bad


def all_or_error(place: Path | str, good: list[Row], bad: list[BadRow]) -> list[Row]:
    """`good`, unless there are bad rows: then BadRowsError."""
    if bad:
        raise BadRowsError(place, bad, len(good))
    return good


def require_fields(row: dict, wanted: dict[str, tuple[str, Callable[[object], bool]]]) -> None:
    """Raise ValueError naming every missing, unknown or unfit field of a row.

    `wanted` says of each field, in words and by a test, what its value must be.
    """
    faults = [f"{name} is missing" for name in wanted if name not in row]
    faults += [f"unknown field {name!r}" for name in row if name not in wanted]
    for name, (described, fits) in wanted.items():
        if name in row and not fits(row[name]):
            faults.append(f"{name} must be {described}, got {_short(row[name])}")
    if faults:
        raise ValueError("; ".join(faults))


def is_text(value: object) -> bool:
    """True of a string without halves of a letter (surrogates), which no file can hold."""
    return isinstance(value, str) and not any("\ud800" <= x <= "\udfff" for x in value)


def is_whole_number(value: object) -> bool:
    """True of 3, not of 3.0, "3" or true."""
    return type(value) is int


TEXT = ("text", is_text)
WHOLE_NUMBER = ("a whole number", is_whole_number)


def _parsed(line: bytes) -> dict:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason} at byte {error.start}") from error
    if not text.strip():
        raise ValueError("the line is blank")
    try:
        row = json.loads(text, object_pairs_hook=_object_of_different_names)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("not a row: nested too deeply") from error
    if not isinstance(row, dict):
        raise ValueError(f"must be a JSON object, got {_short(row)}")
    return row


def _object_of_different_names(pairs: list[tuple[str, object]]) -> dict:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"named twice: {', '.join(twice)}")
    return row


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
