"""An enumerable world whose responses end: an end token, so that lengths differ.

As in `worlds.exact` every response is listed, with its reward, and policies are tables; but
`rewards_of` is for worlds whose responses have one length.
"""

import itertools

import torch

from rlhf_lab.models import TabularPolicy, frozen_copy
from rlhf_lab.responses import Responses, pad
from rlhf_lab.settings import require_seed
from rlhf_lab.worlds.exact import ExactWorld, response_distribution

END = 0


def ending_world(*, vocabulary: int = 4, longest: int = 4, seed: int = 0) -> ExactWorld:
    """A world in float64 with random rewards (mean 0, std 1) and a random reference.

    Token 0 ends a response; one of `longest` tokens ends without it. 121 responses by default.
    Rewards do not depend on the length. Raises ValueError for fewer than 2 words or 1 token.
    """
    if vocabulary < 2 or longest < 1:
        raise ValueError(f"need vocabulary >= 2 and longest >= 1, got {vocabulary} and {longest}")
    require_seed(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    reference = TabularPolicy(vocabulary, longest).double()
    with torch.no_grad():
        reference.table.normal_(generator=generator)
    responses = all_endings(vocabulary, longest)
    draws = torch.randn(len(responses), generator=generator, dtype=torch.float64)
    rewards = (draws - draws.mean()) / draws.std(correction=0)
    frozen = frozen_copy(reference)
    return ExactWorld(responses, rewards, frozen, response_distribution(frozen, responses))


def all_endings(vocabulary: int, longest: int) -> Responses:
    """Every response once, as answers to the one-token prompt (0), the short ones first."""
    words = range(1, vocabulary)
    ended = [
        [*row, END] for count in range(longest) for row in itertools.product(words, repeat=count)
    ]
    unfinished = [list(row) for row in itertools.product(words, repeat=longest)]
    rows = ended + unfinished
    return pad([[0]] * len(rows), rows)
