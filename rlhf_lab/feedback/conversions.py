"""What one kind of feedback may become, and what it may not."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Source, Thumb


class Pairs(NamedTuple):
    """Comparisons, and apart from them the pairs of ratings that were equal."""

    comparisons: list[Comparison]
    ties: list[tuple[Rating, Rating]]


def as_pairs(feedback: Sequence[Feedback]) -> Pairs:
    """Every comparison that the feedback implies, in its order; those of ratings at the end.

    A ranking of K responses implies K(K-1)/2. Ratings imply one for each two responses to a prompt
    with different scores; equal scores are kept apart as ties. Raises ValueError for thumbs (two
    thumbs up do not say which response is better, and people put the bar at different places), and
    for ratings of one prompt by different annotators or on different scales.
    """
    _refuse(feedback, (Comparison, Ranking, Rating), "pairs", "as_thumbs keeps thumbs unpaired")
    comparisons, ties = [], []
    for item in feedback:
        if isinstance(item, Comparison):
            comparisons.append(item)
        if isinstance(item, Ranking):
            comparisons += [
                _comparison(item, *pair) for pair in itertools.combinations(item.responses, 2)
            ]
    for first, second in _rated_pairs([item for item in feedback if isinstance(item, Rating)]):
        if first.score == second.score:
            ties.append((first, second))
        else:
            better, worse = (first, second) if first.score > second.score else (second, first)
            comparisons.append(_comparison(first, better.response, worse.response))
    return Pairs(comparisons, ties)


def as_ratings(feedback: Sequence[Feedback]) -> list[Rating]:
    """The feedback, when all of it is ratings.

    Raises ValueError for the rest: pairs and rankings say which is better, not how good either is.
    """
    _refuse(feedback, (Rating,), "ratings", "ask for ratings, or fit rewards to pairs")
    return list(feedback)


def as_thumbs(feedback: Sequence[Feedback]) -> list[Thumb]:
    """The feedback, when all of it is thumbs: unpaired good and bad responses.

    Raises ValueError for the rest: the rejected of a pair may still be good, and where a scale
    turns from bad to good only its annotator knows.
    """
    _refuse(feedback, (Thumb,), "thumbs", "use as_pairs")
    return list(feedback)


def with_generated(
    disliked: Sequence[Thumb], generated: Sequence[str], *, generator: str
) -> list[Comparison]:
    """Pairs of a response with a thumb down and one that `generator` wrote: "negative" feedback.

    Nobody compared them: that the generated response is better is an assumption, so the source is
    AI. Raises ValueError for a thumb up, and unless each has one generated response.
    """
    if len(disliked) != len(generated):
        raise ValueError(f"got {len(generated)} generated responses for {len(disliked)} disliked")
    for item in disliked:
        if item.up:
            raise ValueError(
                f"only disliked responses can be the rejected; {item.response!r} is not"
            )
    return [
        Comparison(
            prompt=item.prompt,
            source=Source.AI,
            annotator=f"{generator} against {item.annotator}",
            chosen=text,
            rejected=item.response,
        )
        for item, text in zip(disliked, generated, strict=True)
    ]


def _rated_pairs(ratings: list[Rating]) -> list[tuple[Rating, Rating]]:
    """Every two ratings of one prompt. ValueError where they cannot be compared."""
    of_prompt: dict[str, list[Rating]] = {}
    for rating in ratings:
        of_prompt.setdefault(rating.prompt, []).append(rating)
    pairs = [p for group in of_prompt.values() for p in itertools.combinations(group, 2)]
    for first, second in pairs:
        where = f"ratings of the prompt {first.prompt!r}"
        if (first.annotator, first.source) != (second.annotator, second.source):
            raise ValueError(
                f"{where} come from annotators {first.annotator!r} ({first.source.value}) and "
                f"{second.annotator!r} ({second.source.value}), who need not use the scale alike: "
                "convert each annotator's ratings by themselves"
            )
        if first.points != second.points:
            raise ValueError(f"{where} have scales of {first.points} and {second.points} points")
        if first.response == second.response:
            raise ValueError(f"{where}: the response {first.response!r} is rated twice")
    return pairs


def _comparison(origin: Feedback, chosen: str, rejected: str) -> Comparison:
    return Comparison(
        prompt=origin.prompt,
        source=origin.source,
        annotator=origin.annotator,
        chosen=chosen,
        rejected=rejected,
    )


def _refuse(
    feedback: Sequence[Feedback], allowed: tuple[type, ...], wanted: str, advice: str
) -> None:
    for number, item in enumerate(feedback):
        if not isinstance(item, allowed):
            raise ValueError(
                f"a {type(item).__name__.lower()} (number {number}, counted from 0) does not "
                f"determine {wanted}; {advice}"
            )
