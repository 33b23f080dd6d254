"""Responses to one prompt in the order of preference, all of them in one batch element."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad as pad_array

from rlhf_lab.responses import Index, Preferences, Responses, checked_before


@dataclass(frozen=True)
class Ranked:
    """`size` responses to each prompt, best first: row size · i + k is the k-th best of prompt i.

    One element is one prompt with all its responses, so that a minibatch holds all pairs of a
    prompt or none (Ouyang et al. 2022, section 3.5). Raises ValueError where rows do not fit.
    """

    responses: Responses
    size: int

    def __post_init__(self):
        rows, size = len(self.responses), self.size
        if size < 2 or rows % size:
            raise ValueError(f"size must be at least 2 and divide the {rows} rows, got {size}")
        groups = self.responses.real_prompts.view(rows // size, size, -1)
        if (groups != groups[:, :1]).any():
            raise ValueError(f"each {size} rows must answer one prompt: their prompts differ")

    def __len__(self) -> int:
        return len(self.responses) // self.size

    def __getitem__(self, elements: Index) -> "Ranked":
        best = torch.arange(0, len(self.responses), self.size)[elements]
        rows = (best[..., None] + torch.arange(self.size)).flatten()
        return checked_before(Ranked, (self.responses[rows], self.size))

    def to(self, device: torch.device | str) -> "Ranked":
        """The same rankings on another device."""
        return checked_before(Ranked, (self.responses.to(device), self.size))


def ranked_pairs(preferences: Preferences) -> Ranked:
    """Each comparison as an element of its own, a ranking of two."""
    both = stacked([preferences.chosen, preferences.rejected])
    numbers = torch.arange(len(both)).view(2, -1).T
    return Ranked(both[numbers.flatten()], 2)


def stacked(batches: Sequence[Responses]) -> Responses:
    """Batches with prompts of one width, one below the other, in the longest responses' width."""
    width = max(batch.tokens.shape[1] for batch in batches)
    wide = [
        [pad_array(array, (0, width - array.shape[1])) for array in (batch.tokens, batch.mask)]
        for batch in batches
    ]
    arrays = [
        (batch.prompts, batch.prompt_mask, *right)
        for batch, right in zip(batches, wide, strict=True)
    ]
    return checked_before(Responses, map(torch.cat, zip(*arrays, strict=True)))


def all_pairs(ranked: Ranked) -> Preferences:
    """All K(K-1)/2 comparisons of each ranking, in the order of the prompts."""
    better, worse = torch.triu_indices(ranked.size, ranked.size, offset=1)
    first = torch.arange(len(ranked))[:, None] * ranked.size
    return Preferences(
        ranked.responses[(first + better).flatten()], ranked.responses[(first + worse).flatten()]
    )
