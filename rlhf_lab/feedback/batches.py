"""Feedback as batches of tokens.

`encode(prompt, response)` gives both as token ids, marks of beginning and end included. An
encoder must give one prompt the same ids whatever the response.
"""

from collections.abc import Callable, Sequence

import torch

from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Thumb
from rlhf_lab.feedback.labelled import Labelled
from rlhf_lab.feedback.ranked import Ranked
from rlhf_lab.responses import Preferences, Responses, pad
from rlhf_lab.settings import require_kind

Encode = Callable[[str, str], tuple[list[int], list[int]]]


def preferences_batch(comparisons: Sequence[Comparison], encode: Encode) -> Preferences:
    """Comparisons as the batch that `train_dpo` takes. ValueError for none, or another kind."""
    _check_kind(Comparison, comparisons)
    return Preferences(
        _encoded(comparisons, [c.chosen for c in comparisons], encode),
        _encoded(comparisons, [c.rejected for c in comparisons], encode),
    )


def ranked_batch(rankings: Sequence[Ranking], encode: Encode) -> Ranked:
    """Rankings of one length as a batch. ValueError for none and for different lengths."""
    _check_kind(Ranking, rankings)
    sizes = sorted({len(ranking.responses) for ranking in rankings})
    if len(sizes) != 1:
        raise ValueError(f"rankings must all have one length, got {sizes}; make a batch of each")
    origins = [ranking for ranking in rankings for _ in ranking.responses]
    responses = [response for ranking in rankings for response in ranking.responses]
    return Ranked(_encoded(origins, responses, encode), sizes[0])


def rated_batch(ratings: Sequence[Rating], encode: Encode) -> Labelled:
    """Responses with their scores moved to 0 (worst) .. 1 (best of the scale)."""
    _check_kind(Rating, ratings)
    scores = torch.tensor([(rating.score - 1) / (rating.points - 1) for rating in ratings])
    return Labelled(_encoded(ratings, [rating.response for rating in ratings], encode), scores)


def thumbs_batch(thumbs: Sequence[Thumb], encode: Encode) -> Labelled:
    """Unpaired responses, 1 where the thumb was up and 0 where it was down."""
    _check_kind(Thumb, thumbs)
    up = torch.tensor([float(thumb.up) for thumb in thumbs])
    return Labelled(_encoded(thumbs, [thumb.response for thumb in thumbs], encode), up)


def _check_kind(kind: type[Feedback], items: Sequence[Feedback]) -> None:
    for number, item in enumerate(items):
        require_kind(kind, **{f"item {number}": item})


def _encoded(origins: Sequence[Feedback], responses: Sequence[str], encode: Encode) -> Responses:
    ids = [encode(item.prompt, text) for item, text in zip(origins, responses, strict=True)]
    return pad([prompt for prompt, _ in ids], [response for _, response in ids])
