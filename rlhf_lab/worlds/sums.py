"""The sums world as tokens: problems, demonstrations, rewards for an answer and for each step.

One token a digit, sign or word. The answer is checked, or each written step: so it shows what
outcome and process supervision see, and what they do not.
"""

import random

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.responses import Responses, pad
from rlhf_lab.settings import require_count
from rlhf_lab.worlds.sum_steps import (
    MOST,
    demonstration,
    digits_of,
    is_answered,
    judged,
    problem,
    question,
    solution,
)

VOCABULARY: tuple[str, ...] = ("<end>", *map(str, range(10)), "q", "+", "=", "|", ";", "ans")
IDS = {word: token for token, word in enumerate(VOCABULARY)}
END = IDS["<end>"]
STEP_END = IDS[";"]
LONGEST_PROMPT = 2 * MOST + 2
LONGEST_RESPONSE = 6 * (MOST - 1) + 3  # tokens of the longest solution, its end included


def encode(text: str) -> list[int]:
    """The token ids of the text's words. Raises ValueError on an unknown word."""
    for word in text.split():
        if word not in IDS:
            raise ValueError(f"unknown word {word!r}: a text is words of sums.VOCABULARY")
    return [IDS[word] for word in text.split()]


def decode(ids: list[int]) -> str:
    """The words of the ids up to the first end token. Raises ValueError on an unknown id."""
    for token in ids:
        if not 0 <= token < len(VOCABULARY):
            raise ValueError(f"token ids must be 0 to {len(VOCABULARY) - 1}, got {token}")
    kept = ids[: ids.index(END)] if END in ids else ids
    return " ".join(VOCABULARY[token] for token in kept)


def problems(count: int, *, seed: int) -> list[list[int]]:
    """`count` questions as token ids: the prompts."""
    require_count(count=count)
    generator = random.Random(seed)
    return [encode(question(problem(generator))) for _ in range(count)]


def demonstrations(count: int, *, seed: int) -> Responses:
    """`count` questions with an answer as people give it, slips included, and the end token."""
    require_count(count=count)
    generator = random.Random(seed)
    rows = [problem(generator) for _ in range(count)]
    answers = [[*encode(demonstration(digits, generator)), END] for digits in rows]
    return pad([encode(question(digits)) for digits in rows], answers)


def outcome_rewards(responses: Responses) -> Float[Tensor, "batch"]:
    """1 where the response is finished and its answer is right, else 0; the steps are not read."""
    rows = [
        is_answered(digits, answer) and finished for digits, answer, finished in _rows(responses)
    ]
    return torch.tensor(rows, dtype=torch.float32)


def process_rewards(
    responses: Responses,
) -> tuple[Float[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """1 at the last token of each right part and 0 elsewhere; and where the parts end.

    A part ends with ";", the last one with the response's last real token. An unfinished last part
    is wrong.
    """
    last = responses.mask & ~torch.nn.functional.pad(responses.mask[:, 1:], (0, 1))
    ends = responses.mask & ((responses.tokens == STEP_END) | last)
    rewards = torch.zeros(ends.shape)
    for row, (digits, answer, finished) in enumerate(_rows(responses)):
        places = ends[row].nonzero().flatten()
        right = judged(digits, answer)[: len(places)]
        rewards[row, places[: len(right)]] = torch.tensor(right, dtype=torch.float32)
        if not finished:
            rewards[row, places[-1]] = 0
    return rewards, ends


def flawless(responses: Responses) -> Bool[Tensor, "batch"]:
    """Whether a response is the solution, word for word, and finished."""
    rows = [solution(digits) == answer and done for digits, answer, done in _rows(responses)]
    return torch.tensor(rows)


def _rows(responses: Responses) -> list[tuple[list[int], str, bool]]:
    """The digits asked, the answer as text, and whether it is finished, of each row."""
    rows = []
    for prompt, prompt_mask, tokens, mask in zip(*responses.arrays, strict=True):
        answer = tokens[mask].tolist()
        digits = digits_of(decode(prompt[prompt_mask].tolist()))
        rows.append((digits, decode(answer), END in answer))
    return rows
