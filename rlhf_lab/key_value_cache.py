"""Keys and values of the tokens that a model has read, so that no token is computed twice.

Each is (row · head, position, width of a head), heads fastest. One kind keeps the graph of
autograd; two have room for the tokens to come, which grows or is fixed. A layer gives the first
two the queries, keys and values of its new tokens, which lie together, and gets the queries back.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

Heads = Float[Tensor, "row_head position head_width"]
Parts = Float[Tensor, "3 row_head position head_width"]
All = Float[Tensor, "row_head context head_width"]  # those before included
Pair = Float[Tensor, "2 row_head context head_width"]
ROOM = 32  # tokens that there is room for at first; a full cache grows by half


class JoinedCache:
    """Old and new are joined in a new tensor: for one long pass, gradients included."""

    def __init__(self, layers: int):
        self.layers: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extended(self, layer: int, parts: Parts) -> tuple[Heads, All, All]:
        """The queries, and all keys and values of a layer, these at the end."""
        query, keys, values = parts.unbind()
        if self.layers[layer] is not None:
            before_keys, before_values = self.layers[layer]
            keys = torch.cat([before_keys, keys], dim=1)
            values = torch.cat([before_values, values], dim=1)
        self.layers[layer] = keys, values
        return query, keys, values

    def of_rows(self, rows: Int[Tensor, "row"], *, heads: int) -> "JoinedCache":
        """A cache for other rows: `rows` says for each which of ours it repeats."""
        cache = JoinedCache(len(self.layers))
        cache.layers = [
            tuple(x.unflatten(0, (-1, heads)).index_select(0, rows).flatten(0, 1) for x in pair)
            for pair in self.layers
        ]
        return cache


class GrowingCache:
    """Every token has its place kept: a new one is written into it, and nothing is copied.

    Without gradients, since it writes into its own tensors.
    """

    def __init__(self, layers: int, before: JoinedCache | None = None):
        self.lengths = [0] * layers
        self.layers: list[Pair | None] = [None] * layers
        for layer, pair in enumerate(before.layers if before is not None else ()):
            self._write(layer, torch.stack(pair))

    def extended(self, layer: int, parts: Parts) -> tuple[Heads, All, All]:
        """The queries, and all keys and values of a layer: views of what the cache holds."""
        self._write(layer, parts[1:])
        keys, values = self.layers[layer][:, :, : self.lengths[layer]]
        return parts[0], keys, values

    def _write(self, layer: int, new: Pair) -> None:
        start, end = self.lengths[layer], self.lengths[layer] + new.shape[2]
        if self.layers[layer] is None:
            self.layers[layer] = _with_room(new[:, :, :0], end + ROOM)
        elif end > self.layers[layer].shape[2]:
            self.layers[layer] = _with_room(self.layers[layer][:, :, :start], end + end // 2)
        self.layers[layer][:, :, start:end] = new
        self.lengths[layer] = end


class FixedCache:
    """Room for `room` tokens from the start, and a new one written at `place`, a tensor.

    So each step does the same to the same places in memory, as a CUDA graph must. Without
    gradients. What lies behind `place` is to be masked.
    """

    def __init__(self, before: GrowingCache, *, room: int):
        length = before.lengths[0]
        self.layers = [  # zeros, since 0 times a NaN is a NaN
            pad(pair[:, :, :length], (0, 0, 0, room - length)) for pair in before.layers
        ]
        self.place = torch.full((1,), length - 1, device=self.layers[0].device)


Cache = JoinedCache | GrowingCache


def distinct_rows(
    ids: Int[Tensor, "batch position"], mask: Bool[Tensor, "batch position"]
) -> tuple[Int[Tensor, "distinct"], Int[Tensor, "batch"]] | None:
    """A row number for each different row, and for each row which of them it is; None: no gain."""
    if ids.shape[1] == 0 or len(ids) == 1:
        return None
    _, row_of = torch.unique(torch.where(mask, ids, -1), dim=0, return_inverse=True)
    count = int(row_of.max()) + 1
    if count == len(ids):
        return None
    numbers = torch.arange(len(ids), device=ids.device)
    return row_of.new_empty(count).scatter(0, row_of, numbers), row_of


def _with_room(x: Pair, room: int) -> Float[Tensor, "2 row_head {room} head_width"]:
    larger = x.new_empty(*x.shape[:2], room, x.shape[3])
    larger[:, :, : x.shape[2]] = x
    return larger
