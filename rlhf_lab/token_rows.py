"""Lists of token ids, one a text, as one array."""

from collections.abc import Mapping, Sequence
from numbers import Integral

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from rlhf_lab.settings import require_count


def padded_right(
    name: str, rows: Sequence[Sequence[int]], pad_token: int
) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """The ids, with `pad_token` behind those of shorter rows, and a mask, true at a row's own.

    Raises ValueError, which names the first bad row, unless each is a sequence of whole numbers.
    """
    check_rows(name, rows)
    require_count(least=0, pad_token=pad_token)
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.full(mask.shape, pad_token)
    values = torch.tensor([token for row in rows for token in row])
    if values.dtype != torch.long:  # as of arrays that hold floats
        raise ValueError(f"{name} must hold token ids, whole numbers, got {values.dtype}")
    ids[mask] = values
    return ids, mask


def check_rows(name: str, rows: Sequence[Sequence[int]]) -> None:
    """Raise ValueError for texts, for arrays with pads of their own, and for an empty row."""
    if isinstance(rows, Mapping | Tensor):
        raise ValueError(
            f"{name} must be a list of lists of token ids, got {type(rows).__name__}; give a "
            "tokenizer's input_ids without padding: pads in an array would count as text"
        )
    if len(rows) == 0:
        raise ValueError(f"{name}: there are no rows, and a batch needs one at least")
    for number, row in enumerate(rows):
        if isinstance(row, str | Mapping) or not hasattr(row, "__len__"):
            raise ValueError(
                f"{name}: row {number} must be a list of token ids, got {str(row)[:40]!r}; "
                "a tokenizer makes them of a text"
            )
        if len(row) == 0:
            raise ValueError(f"{name}: every row needs at least one token, row {number} has none")
        for token in row:
            if not isinstance(token, Integral | Tensor) or isinstance(token, bool):
                raise ValueError(f"{name}: row {number} must hold whole numbers, got {token!r}")
