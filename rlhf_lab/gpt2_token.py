"""One token of GPT-2 over keys and values with room for it: the step that a GPU repeats.

Inside `captured(compiled=True)` torch.compile joins the small kernels of a layer. The weights are
arguments of what it compiles, so that one layer is compiled for all.
"""

import copy

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_lab.captured_passes import compiled
from rlhf_lab.gpt2 import GPT2Trunk
from rlhf_lab.gpt2_attention import projections, rest_of_layer
from rlhf_lab.gpt2_layers import Hidden, computed_in, norm
from rlhf_lab.key_value_cache import FixedCache, Pair


class TokenStep:
    """The hidden state of a token in each row; its keys and values come into the cache."""

    def __init__(self, trunk: GPT2Trunk, cache: FixedCache):
        self.trunk, self.cache = trunk, cache
        self.layer = compiled(layer_of_token, cache.place.device)
        self.blocks = trunk.h if self.layer is layer_of_token else rounded(trunk.h)

    def __call__(
        self,
        ids: Int[Tensor, "batch 1"],
        mask: Bool[Tensor, "batch context"],
        positions: Int[Tensor, "batch 1"],
    ) -> Hidden:
        x, bias = self.trunk.embedded(ids, mask, positions)
        for block, pair in zip(self.blocks, self.cache.layers, strict=True):
            x = self.layer(x, block, bias, pair, self.cache.place)
        return norm(x, self.trunk.ln_f)

    def prepare(self) -> None:
        """Compile the layer, on a token and keys of zeros: a capture can only start kernels."""
        if self.layer is not layer_of_token:
            pair, word = torch.zeros_like(self.cache.layers[0]), self.trunk.wte.weight[:1]
            rows = pair.shape[1] // self.trunk.config.n_head
            x = torch.zeros_like(word).expand(rows, -1)[:, None].contiguous()
            bias = pair.new_zeros(pair.shape[1], 1, pair.shape[2])
            self.layer(x, self.blocks[0], bias, pair, torch.zeros_like(self.cache.place))


def layer_of_token(
    x: Hidden,
    block: nn.Module,
    bias: Float[Tensor, "row_head 1 context"],
    pair: Pair,
    place: Int[Tensor, "1"],
) -> Hidden:
    """A layer of GPT-2 for one token in each row, written at its place among keys and values."""
    parts = projections(norm(x, block.ln_1), block.attn)
    keys, values = pair.index_copy_(2, place, parts[1:])
    return rest_of_layer(x, parts[0], keys, values, bias, block)


def rounded(blocks: nn.ModuleList) -> nn.ModuleList:
    """The layers, with the weights of their products as autocast computes with them.

    What is compiled would round these at every token; the memory of the rest is shared. None
    learns, so that layers that are frozen and layers that are not fit the same compiled code.
    """
    ours = {}
    for part in blocks.modules():
        for weight in part.parameters(recurse=False):
            dtype = weight.dtype if isinstance(part, nn.LayerNorm) else computed_in(weight)
            ours[id(weight)] = nn.Parameter(weight.detach().to(dtype), requires_grad=False)
    return copy.deepcopy(blocks, ours)
