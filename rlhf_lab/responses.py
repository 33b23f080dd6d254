"""The batches that everything passes around: responses, rollouts, preferences.

Prompts are padded on the left, responses on the right, so that index t of every
(batch, token) array is the t-th response token. Masks come from lengths, never from a pad id:
GPT-2 pads with its end-of-sequence token, and that token belongs to the response.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rlhf_lab.token_rows import check_rows, padded_right

Index = slice | Int[Tensor, "row"]
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Responses:
    """Prompts and one response to each. Raises ValueError where the four arrays do not fit."""

    prompts: Int[Tensor, "batch prompt"]
    prompt_mask: Bool[Tensor, "batch prompt"]
    tokens: Int[Tensor, "batch token"]
    mask: Bool[Tensor, "batch token"]

    def __post_init__(self):
        _check_pair("prompts", self.prompts, self.prompt_mask)
        _check_pair("tokens", self.tokens, self.mask)
        if len(self.prompts) != len(self.tokens):
            raise ValueError(f"got {len(self.prompts)} prompts for {len(self.tokens)} responses")
        if (self.prompt_mask[:, 1:] < self.prompt_mask[:, :-1]).any():
            raise ValueError("prompts must be padded on the left: no pad after a real token")
        if (self.mask[:, 1:] > self.mask[:, :-1]).any():
            raise ValueError("responses must be padded on the right: no real token after a pad")

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Index) -> "Responses":
        picked = [array[rows] for array in self.arrays]
        if any(x.shape[1:] != y.shape[1:] for x, y in zip(picked, self.arrays, strict=True)):
            raise ValueError(f"rows must be a slice, as [3:4], or a tensor of rows, got {rows!r}")
        return checked_before(Responses, picked)

    @property
    def arrays(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The four arrays in the order of the fields."""
        return self.prompts, self.prompt_mask, self.tokens, self.mask

    @property
    def real_prompts(self) -> Int[Tensor, "batch prompt"]:
        """The prompts with -1 at the pads: equal where the texts are, whatever id they pad with."""
        return torch.where(self.prompt_mask, self.prompts, -1)

    def to(self, device: torch.device | str) -> "Responses":
        """The same batch on another device."""
        return checked_before(Responses, (array.to(device=device) for array in self.arrays))


@dataclass(frozen=True)
class Rollout:
    """Responses with log π_old(token | tokens before it) at sampling, temperature included."""

    responses: Responses
    logprobs: Float[Tensor, "batch token"]

    def __post_init__(self):
        if self.logprobs.shape != self.responses.tokens.shape:
            raise ValueError(
                f"logprobs must have the responses' shape {tuple(self.responses.tokens.shape)}, "
                f"got {tuple(self.logprobs.shape)}"
            )


@dataclass(frozen=True)
class Preferences:
    """Pairs of responses to the same prompts: chosen[i] was preferred to rejected[i]."""

    chosen: Responses
    rejected: Responses

    def __post_init__(self):
        chosen, rejected = self.chosen.real_prompts, self.rejected.real_prompts
        if chosen.shape != rejected.shape or (chosen != rejected).any():
            raise ValueError(
                "chosen and rejected must answer the same prompts: their prompts differ"
            )

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, rows: Index) -> "Preferences":
        return checked_before(Preferences, (self.chosen[rows], self.rejected[rows]))

    def to(self, device: torch.device | str) -> "Preferences":
        """The same pairs on another device."""
        return checked_before(Preferences, (self.chosen.to(device), self.rejected.to(device)))


def checked_before(kind: type[Batch], values: Iterable[object]) -> Batch:
    """Whole rows or columns of batches that were checked, as a `kind`; ValueError for no rows."""
    # Masks are not looked at again: on a GPU each look waits for all before it.
    batch = object.__new__(kind)
    vars(batch).update(zip((field.name for field in fields(kind)), values, strict=True))
    if len(batch) == 0:
        raise ValueError(f"no rows of {kind.__name__} were selected; a batch needs one at least")
    return batch


def pad(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], *, pad_token: int = 0
) -> Responses:
    """Lists of token ids as one batch; the masks come from the lists' lengths.

    Raises ValueError where a row is no list of token ids, as a text.

    >>> batch = pad([[5], [6, 7]], [[1, 2], [3]])
    >>> batch.prompts.tolist(), batch.mask.tolist()
    ([[0, 5], [6, 7]], [[True, True], [True, False]])
    """
    check_rows("prompts", prompts)
    from_behind = [list(reversed(ids)) for ids in prompts]
    prompt_ids, prompt_mask = padded_right("prompts", from_behind, pad_token)
    tokens, mask = padded_right("responses", responses, pad_token)
    return Responses(prompt_ids.flip(1), prompt_mask.flip(1), tokens, mask)


def trim(responses: Responses) -> Responses:
    """The batch without the columns in which every row is padding: less to compute, same result."""
    first = int(responses.prompt_mask.any(dim=0).int().argmax())
    length = int(responses.mask.sum(dim=1).max())
    kept = (slice(first, None), slice(first, None), slice(length), slice(length))
    return checked_before(Responses, (x[:, k] for x, k in zip(responses.arrays, kept, strict=True)))


def _check_pair(name: str, ids: Tensor, mask: Tensor) -> None:
    if ids.dim() != 2 or ids.shape != mask.shape:
        raise ValueError(
            f"{name} and their mask must have one shape (batch, length), "
            f"got {tuple(ids.shape)} and {tuple(mask.shape)}"
        )
    if ids.dtype != torch.long or mask.dtype != torch.bool:
        raise ValueError(f"{name} must be int64 with a bool mask, got {ids.dtype} and {mask.dtype}")
    if len(ids) == 0 or not mask.any(dim=1).all():
        raise ValueError(f"{name}: every row needs at least one real token; drop the empty rows")
