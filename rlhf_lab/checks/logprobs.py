"""Exercises on log-probs, masks and positions."""

import math

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers
from rlhf_lab.museum import logprobs as museum


def scored_ids(generator: torch.Generator) -> dict:
    """Logits of three texts of seven positions over five words; prompts of two to four tokens."""
    return {
        "logits": numbers(generator, 3, 7, 5, scale=2.0),
        "ids": torch.randint(5, (3, 7), generator=generator),
        "prompt_length": int(torch.randint(2, 5, (), generator=generator)),
        "temperature": between(generator, 0.5, 0.9),
    }


def logprob_of_each_token(logits, ids, prompt_length, temperature):
    """One softmax at a time: word t is predicted by the logits at t - 1."""
    rows = []
    for row, words in zip(logits.tolist(), ids.tolist(), strict=True):
        found = []
        for t in range(prompt_length, len(words)):
            weights = [math.exp(x / temperature) for x in row[t - 1]]
            found.append(math.log(weights[words[t]] / sum(weights)))
        rows.append(found)
    return torch.tensor(rows)


def written_tokens(generator: torch.Generator) -> dict:
    """Responses that end, one at once, one never; behind the end stands anything."""
    tokens = torch.randint(1, 5, (4, 6), generator=generator)
    ends = torch.randint(0, 5, (4,), generator=generator)
    ends[0] = 0
    tokens[torch.arange(4), ends] = 0
    tokens[3] = torch.randint(1, 5, (6,), generator=generator)
    tokens[1, 5] = 0  # an end behind the end
    end = int(torch.randint(5, (), generator=generator))
    return {"tokens": (tokens + end) % 5, "end_token": end}


def up_to_the_first_end(tokens, end_token):
    """Token by token: real until the first end, which is real itself."""
    rows = []
    for row in tokens.tolist():
        length = row.index(end_token) + 1 if end_token in row else len(row)
        rows.append([t < length for t in range(len(row))])
    return torch.tensor(rows)


def left_padded(generator: torch.Generator) -> dict:
    """Prompts of different lengths, padded on the left."""
    lengths = torch.randint(1, 6, (4,), generator=generator)
    lengths[0], lengths[1] = 5, 2
    return {"mask": torch.arange(5) >= 5 - lengths[:, None]}


def counted_over_real_tokens(mask):
    """0 at pads; 0, 1, 2, ... at real tokens."""
    rows = []
    for row in mask.tolist():
        seen, found = 0, []
        for real in row:
            found.append(seen if real else 0)
            seen += real
        rows.append(found)
    return torch.tensor(rows)


response_logprobs = Exercise(
    name="response_logprobs",
    asks="log π of each response token at the sampling temperature, from the logits of whole texts",
    inputs=scored_ids,
    truth=logprob_of_each_token,
    bugs=museum.LOGPROBS,
)
response_mask = Exercise(
    name="response_mask",
    asks="true at the real tokens of each response: up to its first end token, this one included",
    inputs=written_tokens,
    truth=up_to_the_first_end,
    bugs=museum.MASKS,
)
position_ids = Exercise(
    name="position_ids",
    asks="the position of each real token in its own text, 0 at the pads before it",
    inputs=left_padded,
    truth=counted_over_real_tokens,
    bugs=museum.POSITIONS,
    replaces="logprobs.positions",
)
EXERCISES = (response_logprobs, response_mask, position_ids)
