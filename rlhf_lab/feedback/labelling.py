"""Simulated labelling: an annotator compares, ranks, rates, gives thumbs, and is paid for it.

Every function draws with one generator. `labels_before` is how many labels the annotator has given
already.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch

from rlhf_lab.feedback.annotators import Annotator
from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Thumb
from rlhf_lab.preferences import sample_ranking

Label = TypeVar("Label", bound=Feedback)


def compare(
    annotator: Annotator,
    prompt: str,
    shown: Sequence[str],
    *,
    generator: torch.Generator,
    labels_before: int = 0,
) -> Comparison:
    """The better of two responses, drawn from Bradley-Terry on the annotator's scores."""
    if len(shown) != 2:
        raise ValueError(f"a comparison shows 2 responses, got {len(shown)}; use rank")
    ranking = rank(annotator, prompt, shown, generator=generator, labels_before=labels_before)
    chosen, rejected = ranking.responses
    return Comparison(**_signed(annotator, prompt), chosen=chosen, rejected=rejected)


def rank(
    annotator: Annotator,
    prompt: str,
    shown: Sequence[str],
    *,
    generator: torch.Generator,
    labels_before: int = 0,
) -> Ranking:
    """Responses best first, drawn from Plackett-Luce on the annotator's scores."""
    scores = torch.tensor(annotator.scores(prompt, shown, labels_before), dtype=torch.float64)
    order = sample_ranking(scores, generator).tolist()
    return Ranking(**_signed(annotator, prompt), responses=tuple(shown[i] for i in order))


def rate(
    annotator: Annotator,
    prompt: str,
    response: str,
    *,
    generator: torch.Generator,
    labels_before: int = 0,
) -> Rating:
    """1 + the number of cuts below worth + T · logistic noise: P(score > k) = σ((w - cut_k)/T).

    The proportional-odds model (McCullagh 1980). A contest has no say: nothing is met.
    """
    felt = _felt(annotator, prompt, response, generator, labels_before)
    score = 1 + sum(cut < felt for cut in annotator.cuts)
    signed = _signed(annotator, prompt)
    return Rating(**signed, response=response, score=score, points=len(annotator.cuts) + 1)


def thumb(
    annotator: Annotator,
    prompt: str,
    response: str,
    *,
    generator: torch.Generator,
    labels_before: int = 0,
) -> Thumb:
    """Up with probability σ((worth - bar) / T). A contest has no say: nothing is met."""
    felt = _felt(annotator, prompt, response, generator, labels_before)
    return Thumb(**_signed(annotator, prompt), response=response, up=felt > annotator.bar)


def label_all(
    judge: Callable[..., Label],
    annotator: Annotator,
    items: Iterable[tuple[str, str | Sequence[str]]],
    *,
    generator: torch.Generator,
    labels_before: int = 0,
) -> list[Label]:
    """`judge` (compare, rank, rate or thumb) on one (prompt, what is shown) after another."""
    return [
        judge(annotator, prompt, shown, generator=generator, labels_before=number)
        for number, (prompt, shown) in enumerate(items, start=labels_before)
    ]


def cost(annotator: Annotator, labels: Iterable[Feedback]) -> float:
    """What the labels cost, at the annotator's prices."""
    return sum(annotator.prices.of(label) for label in labels)


def _felt(
    annotator: Annotator, prompt: str, response: str, generator: torch.Generator, before: int
) -> float:
    uniform = torch.rand((), generator=generator, dtype=torch.float64)
    noise = torch.logit(uniform, eps=1e-12).item()
    return annotator.felt_worth(prompt, response) + annotator.temperature_after(before) * noise


def _signed(annotator: Annotator, prompt: str) -> dict:
    return {"prompt": prompt, "source": annotator.source, "annotator": annotator.name}
