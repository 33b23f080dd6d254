"""The review world as tokens: one token a word, so a model of 0.1M weights can learn it.

Texts become batches here: prompts, training data, gold rewards and preference labels.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.feedback.ranked import stacked
from rlhf_lab.preferences import sample_comparison
from rlhf_lab.responses import Preferences, Responses, pad
from rlhf_lab.settings import require_count
from rlhf_lab.worlds.review_grammar import GRAMMAR, write_review, write_texts
from rlhf_lab.worlds.review_rules import ASPECT
from rlhf_lab.worlds.review_score import gold_score
from rlhf_lab.worlds.review_words import ASPECTS

VOCABULARY: tuple[str, ...] = (
    "<begin>",
    "<end>",
    *sorted({*GRAMMAR.words, *ASPECTS} - {ASPECT}),
)
IDS = {word: token for token, word in enumerate(VOCABULARY)}
BEGIN, END = IDS["<begin>"], IDS["<end>"]
LONGEST_PROMPT = 4  # words


def encode(text: str) -> list[int]:
    """The token ids of the text's words, without begin and end. ValueError on an unknown word."""
    for word in text.split():
        if word not in IDS:
            raise ValueError(
                f"unknown word {word!r}: a text is words of reviews.VOCABULARY with spaces between"
            )
    return [IDS[word] for word in text.split()]


def decode(ids: Sequence[int]) -> str:
    """The words of the ids: a leading begin token, and all from the first end token, left out.

    ValueError on an id outside the vocabulary.

    >>> decode([BEGIN, *encode("we liked it"), END, BEGIN])
    'we liked it'
    """
    for token in ids:
        if not 0 <= token < len(VOCABULARY):
            raise ValueError(f"token ids must be 0 to {len(VOCABULARY) - 1}, got {token}")
    kept = list(ids[: list(ids).index(END)] if END in ids else ids)
    if kept[:1] == [BEGIN]:
        kept = kept[1:]
    return " ".join(VOCABULARY[token] for token in kept)


def training_texts(count: int, *, seed: int) -> Responses:
    """`count` texts of the grammar, each an answer to the prompt (begin) and closed by (end)."""
    require_count(count=count)
    texts = write_texts(count, seed=seed)
    return pad([[BEGIN]] * count, [[*encode(text), END] for text in texts])


def prompts(count: int, *, seed: int) -> list[list[int]]:
    """The first words of `count` reviews, 1 to 4 of each, after the begin token.

    The number of words is uniform; it never reaches the review's first ".".
    """
    require_count(count=count)
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, LONGEST_PROMPT + 1, (count,), generator=generator).tolist()
    openings = [encode(write_review(generator))[:length] for length in lengths]
    return [[BEGIN, *opening] for opening in openings]


def texts(responses: Responses) -> list[str]:
    """Prompt and response of each row as one text, up to the end token."""
    return [decode(row) for row in _rows(responses)]


def gold_rewards(responses: Responses) -> Float[Tensor, "batch"]:
    """`gold_score` of prompt and response; a response without the end token is unfinished."""
    rows = _rows(responses)
    return torch.tensor([gold_score(decode(row), finished=END in row) for row in rows])


def label_pairs(
    first: Responses, second: Responses, *, temperature: float, generator: torch.Generator
) -> Preferences:
    """Simulated labels: P(first[i] is chosen) = σ((gold_first - gold_second) / temperature).

    Temperature 0 is the limit: the higher gold score always wins and a tie is a fair coin, so
    that no pair is dropped. ValueError for different prompts and for a negative temperature.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or above and finite, got {temperature}")
    Preferences(first, second)  # the same prompts
    difference = gold_rewards(first) - gold_rewards(second)
    scaled = difference / temperature if temperature > 0 else _infinite(difference)
    first_wins = sample_comparison(scaled, torch.zeros_like(scaled), generator)
    both, rows = stacked([first, second]), torch.arange(len(first))
    return Preferences(
        both[torch.where(first_wins, rows, rows + len(first))],
        both[torch.where(first_wins, rows + len(first), rows)],
    )


def _rows(responses: Responses) -> list[list[int]]:
    """The real ids of each prompt and response together. ValueError for an end within a prompt."""
    ended = ((responses.prompts == END) & responses.prompt_mask).any(dim=1)
    if ended.any():
        raise ValueError(
            f"a prompt must be without the end token ({END}), after which nothing is read; that of "
            f"row {int(ended.nonzero()[0])} has it"
        )
    ids = torch.cat([responses.prompts, responses.tokens], dim=1)
    mask = torch.cat([responses.prompt_mask, responses.mask], dim=1)
    return [row[real].tolist() for row, real in zip(ids, mask, strict=True)]


def _infinite(difference: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    """±∞ with the sign of the difference, and 0 at a tie."""
    return torch.where(difference == 0, 0.0, difference * float("inf"))
