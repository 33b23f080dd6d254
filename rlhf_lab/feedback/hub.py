"""Data sets of the Hugging Face hub as feedback: one function for the rows of each.

Each takes one row (a dictionary) and raises ValueError where it is not what the data set's card
says. Read local files of the same rows with `read_hub_file`, a data set by its id with `hub_data`.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from rlhf_lab.feedback.json_lines import (
    TEXT,
    WHOLE_NUMBER,
    BadRow,
    all_or_error,
    made_rows,
    read_rows,
    require_fields,
)
from rlhf_lab.feedback.kinds import Comparison, Source, Thumb

Made = TypeVar("Made")
HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
OPENING_WORDS = 4  # of a film review; they are the prompt


def hh_comparison(row: dict) -> Comparison:
    """A row of Anthropic/hh-rlhf: two transcripts that differ in the assistant's last turn.

    The prompt is all up to the last "Assistant:" of the chosen one, which is kept at its end.
    """
    require_fields(row, {"chosen": TEXT, "rejected": TEXT})
    chosen, rejected = row["chosen"], row["rejected"]
    end = chosen.rfind(ASSISTANT) + len(ASSISTANT)
    if end < len(ASSISTANT) or not chosen.startswith(HUMAN):
        raise ValueError('chosen must begin with a turn of "Human:" and end with one of the other')
    prompt, last_turn, other_turn = chosen[:end], chosen[end:], rejected[end:]
    if not rejected.startswith(prompt):
        raise ValueError("chosen and rejected differ before the assistant's last turn")
    if HUMAN in last_turn + other_turn or ASSISTANT in other_turn:
        raise ValueError("a transcript goes on after the turn that is judged")
    return Comparison(
        prompt=prompt,
        source=Source.HUMAN,
        annotator="Anthropic/hh-rlhf",
        chosen=last_turn,
        rejected=other_turn,
    )


def imdb_thumb(row: dict) -> Thumb:
    """A row of stanfordnlp/imdb: a review with label 1 (positive) or 0, as a thumb up or down.

    The prompt is the review's first four words, the response the rest.
    """
    require_fields(row, {"text": TEXT, "label": WHOLE_NUMBER})
    if row["label"] not in (0, 1):
        raise ValueError(f"label must be 0 or 1, got {row['label']}; -1 marks a row without label")
    words = re.match(rf"(?:\s*\S+){{{OPENING_WORDS}}}", row["text"])
    if words is None or not row["text"][words.end() :].strip():
        raise ValueError(f"text must have more than {OPENING_WORDS} words")
    return Thumb(
        prompt=words.group(),
        source=Source.HUMAN,
        annotator="stanfordnlp/imdb",
        response=row["text"][words.end() :],
        up=row["label"] == 1,
    )


def read_hub_file(path: Path, made: Callable[[dict], Made]) -> list[Made]:
    """All rows of a JSON Lines file. Raises BadRowsError, which lists every bad row."""
    return all_or_error(path, *hub_file_and_bad_rows(path, made))


def hub_file_and_bad_rows(
    path: Path, made: Callable[[dict], Made]
) -> tuple[list[Made], list[BadRow]]:
    """The good rows of a JSON Lines file, and the bad ones with line number and reason."""
    return read_rows(path, made)


def hub_data(hub_id: str, made: Callable[[dict], Made], *, split: str) -> list[Made]:
    """All rows of a data set on the hub. Raises BadRowsError, which lists every bad row.

    Raises ImportError without the datasets library, and ConnectionError without the data.
    """
    return all_or_error(hub_id, *hub_data_and_bad_rows(hub_id, made, split=split))


def hub_data_and_bad_rows(
    hub_id: str, made: Callable[[dict], Made], *, split: str
) -> tuple[list[Made], list[BadRow]]:
    """The good rows of a data set on the hub, and the bad ones; rows count from 1."""
    return made_rows(_download(hub_id, split), made)


def _download(hub_id: str, split: str) -> Iterable[dict]:
    advice = f"download its {split} rows as JSON Lines elsewhere and use read_hub_file"
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ImportError(
            f"reading {hub_id} from the hub needs `pip install datasets`; or {advice}"
        ) from error
    try:
        return load_dataset(hub_id, split=split)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"cannot read {hub_id} from the hub; check its name and the network, or {advice}"
        ) from error
