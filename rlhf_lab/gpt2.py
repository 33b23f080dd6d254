"""GPT-2 by its equations, on the weights of transformers' GPT-2: the same numbers in less time.

It takes the arguments of transformers' models and computes nothing twice. The columns of a batch
whose outputs nobody asks for are computed once for each different row: the prompt that a group of
responses, or a chosen and a rejected one, share. While sampling, keys and values have a place kept
for them, so that a token copies none of those before it. Dropout does not exist here.
"""

from types import SimpleNamespace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

from rlhf_lab.key_value_cache import Cache, GrowingCache, JoinedCache, distinct_rows

Hidden = Float[Tensor, "batch position width"]
SHARED_FROM = {"cuda": 4096}
"""tokens in columns that rows may share; of fewer a GPU needs less than to start a second pass"""
KNOWN = {"activation_function": ("gelu_new", "gelu_pytorch_tanh"), "add_cross_attention": (False,),
         "scale_attn_weights": (True,), "scale_attn_by_inverse_layer_idx": (False,)}  # fmt: skip


class GPT2Trunk(nn.Module):
    """h = x + Attention(LN(x)); x' = h + MLP(LN(h)): embeddings, all layers, and the last norm."""

    def __init__(self, trunk: nn.Module):
        super().__init__()
        for name, known in KNOWN.items():
            if getattr(trunk.config, name) not in known:
                raise ValueError(
                    f"a GPT-2 of this kind has {name} in {known}, got "
                    f"{getattr(trunk.config, name)!r}; keep transformers' own model for it"
                )
        self.config, self.wte, self.wpe = trunk.config, trunk.wte, trunk.wpe
        self.h, self.ln_f = trunk.h, trunk.ln_f

    def forward(
        self, input_ids, attention_mask, position_ids, past_key_values=None, use_cache=False, keep=0
    ):
        """Hidden states of the last `keep` columns at least, and the cache; as transformers'."""
        inputs, cache = (input_ids, attention_mask, position_ids), past_key_values
        context = input_ids.shape[1] - keep if keep and cache is None else 0
        many = len(input_ids) * context >= SHARED_FROM.get(input_ids.device.type, 0)
        rows = distinct_rows(input_ids[:, :context], attention_mask[:, :context]) if many else None
        if rows is not None:
            first, row_of = rows
            shared = JoinedCache(len(self.h))
            self.read(*(x[first, :context] for x in inputs), shared)
            cache = shared.of_rows(row_of, heads=self.config.n_head)
            inputs = (input_ids[:, context:], attention_mask, position_ids[:, context:])
        if use_cache and not isinstance(cache, GrowingCache):
            cache = GrowingCache(len(self.h), cache)
        hidden = self.read(*inputs, JoinedCache(len(self.h)) if cache is None else cache)
        return SimpleNamespace(last_hidden_state=hidden, past_key_values=cache)

    def read(
        self,
        ids: Int[Tensor, "batch position"],
        mask: Bool[Tensor, "batch context"],
        positions: Int[Tensor, "batch position"],
        cache: Cache,
    ) -> Hidden:
        """The hidden states of tokens that follow what the cache holds; the cache takes them in."""
        bias = attention_bias(mask, ids.shape[1], self.wte.weight.dtype)
        bias = bias.repeat_interleave(self.config.n_head, dim=0)
        x = self.wte(ids) + self.wpe(positions)
        for number, block in enumerate(self.h):
            normed = _norm(x, block.ln_1)
            x = x + attention(normed, block.attn, bias, cache, number)
            inner = gelu(_linear(_norm(x, block.ln_2), block.mlp.c_fc), approximate="tanh")
            x = x + _linear(inner, block.mlp.c_proj)
        return _norm(x, self.ln_f)


class GPT2(nn.Module):
    """The language model: the trunk, and logits at the positions that are asked for only.

    It shares its weights, and their names, with the transformers model that it is made of. Raises
    ValueError for a GPT-2 with other equations.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.config = model.config
        self.transformer, self.lm_head = GPT2Trunk(model.transformer), model.lm_head

    @property
    def base_model(self) -> GPT2Trunk:
        """The trunk, under the name that transformers has for it."""
        return self.transformer

    def forward(self, logits_to_keep=0, **inputs):
        """Logits (batch, position, vocab) of the last `logits_to_keep` columns; 0 means all."""
        output = self.transformer(keep=logits_to_keep, **inputs)
        output.logits = self.lm_head(output.last_hidden_state[:, -logits_to_keep:])
        return output


def attention(
    x: Hidden,
    weights: nn.Module,
    bias: Float[Tensor, "batch_head position context"],
    cache: Cache,
    layer: int,
) -> Hidden:
    """softmax(Q Kᵀ / √d + bias) V in each head, over the cache and x (Vaswani et al. 2017, Eq. 1).

    Written out, which is faster on a CPU for texts of this length than a kernel that saves memory.
    """
    batch, length, width = x.shape
    heads = weights.num_heads
    parts = _linear(x, weights.c_attn).view(batch, length, 3, heads, width // heads)
    query, key, value = parts.permute(2, 0, 3, 1, 4).flatten(1, 2)
    keys, values = cache.extended(layer, key, value)
    scores = torch.baddbmm(bias, query, keys.mT, alpha=weights.scaling)
    mixed = torch.bmm(scores.softmax(dim=-1), values)
    mixed = mixed.view(batch, heads, length, -1).transpose(1, 2).reshape(x.shape)
    return _linear(mixed, weights.c_proj)


def attention_bias(
    mask: Bool[Tensor, "batch context"], length: int, dtype: torch.dtype
) -> Float[Tensor, "batch length context"]:
    """0 where one of the last `length` tokens looks: at real tokens not later than itself.

    Elsewhere half the lowest number of the dtype, also where rounded to fewer bits. It is not -∞:
    a pad before the text sees nothing, and its softmax would be NaN.
    """
    context = mask.shape[1]
    column = torch.arange(context, device=mask.device)
    allowed = mask[:, None] & (column <= column[context - length :, None])
    bias = torch.zeros(allowed.shape, dtype=dtype, device=mask.device)
    return bias.masked_fill(~allowed, torch.finfo(dtype).min / 2)


def _linear(x: Hidden, layer: nn.Module) -> Float[Tensor, "batch position output"]:
    return torch.addmm(layer.bias, x.flatten(0, 1), layer.weight).unflatten(0, x.shape[:2])


def _norm(x: Hidden, layer: nn.Module) -> Hidden:
    return layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)
