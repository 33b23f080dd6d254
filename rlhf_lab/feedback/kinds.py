"""The kinds of feedback on responses: comparisons, rankings, ratings, thumbs.

All are texts, so that a person can read them; `batches` makes them batches of tokens.
A response may be empty: a model that ends at once has answered.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum


class Source(Enum):
    """Who judged."""

    HUMAN = "human"
    AI = "ai"


def is_tuple_of_texts(value: object) -> bool:
    """True of ("a", "b"), not of a list or of one text."""
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


# What a field must be, by its type.
FORMS: dict[type, tuple[str, Callable[[object], bool]]] = {
    str: ("text", lambda value: isinstance(value, str)),
    int: ("a whole number (int)", lambda value: type(value) is int),
    bool: ("True or False", lambda value: type(value) is bool),
    tuple[str, ...]: ("a tuple of texts", is_tuple_of_texts),
    Source: ("a Source", lambda value: isinstance(value, Source)),
}


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What all feedback says. ValueError for blank prompts and annotators, and for other types."""

    prompt: str
    source: Source
    annotator: str
    """who judged, as an id: two annotators need not use a scale alike"""

    def __post_init__(self):
        for field in fields(self):
            described, fits = FORMS[field.type]
            if not fits(value := getattr(self, field.name)):
                got = f"{value!r} ({type(value).__name__})"  # numpy 1 shows its 3 as an int's
                raise ValueError(f"{field.name} must be {described}, got {got}")
        for name in ("prompt", "annotator"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must not be blank")


@dataclass(frozen=True, kw_only=True)
class Comparison(Feedback):
    """One response was preferred to another. Raises ValueError where they are the same."""

    chosen: str
    rejected: str

    def __post_init__(self):
        super().__post_init__()
        if self.chosen == self.rejected:
            raise ValueError("chosen and rejected must be two different responses")


@dataclass(frozen=True, kw_only=True)
class Ranking(Feedback):
    """Responses to one prompt, the best first. Raises ValueError unless 2 or more, all different.

    As no two may be equal, a ranking has no ties.
    """

    responses: tuple[str, ...]

    def __post_init__(self):
        super().__post_init__()
        if len(self.responses) < 2:
            raise ValueError(f"a ranking needs at least 2 responses, got {len(self.responses)}")
        if len(set(self.responses)) < len(self.responses):
            raise ValueError("a ranking must name each response once")


@dataclass(frozen=True, kw_only=True)
class Rating(Feedback):
    """Points for one response, 1 (worst) to `points` (best). Raises ValueError outside of them."""

    response: str
    score: int
    points: int

    def __post_init__(self):
        super().__post_init__()
        if self.points < 2:
            raise ValueError(f"a scale needs at least 2 points, got {self.points}")
        if not 1 <= self.score <= self.points:
            raise ValueError(f"score must lie in 1..{self.points}, got {self.score}")


@dataclass(frozen=True, kw_only=True)
class Thumb(Feedback):
    """Thumb up or down for one response."""

    response: str
    up: bool
