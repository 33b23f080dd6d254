"""GPT-2 by its equations, on the weights of transformers' GPT-2: the same numbers in less time.

It takes the arguments of transformers' models and computes nothing twice. The columns of a batch
whose outputs nobody asks for are computed once for each different row: the prompt that a group of
responses, or a chosen and a rejected one, share. In the last layer they are keys and values only.
While sampling, keys and values have a place kept for them, so that a token copies none of those
before it. Dropout does not exist here.
"""

from types import SimpleNamespace

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_lab import captured_passes
from rlhf_lab.gpt2_attention import attention_bias, of_columns, projections, rest_of_layer
from rlhf_lab.gpt2_layers import check_layers, computed_in, head, norm
from rlhf_lab.key_value_cache import Cache, GrowingCache, JoinedCache, distinct_rows

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
        check_layers(trunk.h, ("transformers.Conv1D", "torch.LayerNorm"))
        self.config, self.wte, self.wpe = trunk.config, trunk.wte, trunk.wpe
        self.h, self.ln_f = trunk.h, trunk.ln_f

    def forward(
        self,
        input_ids,
        attention_mask,
        position_ids,
        past_key_values=None,
        use_cache=False,
        keep=0,
        only=None,
    ):
        """Hidden states of the last `keep` columns, 0 for all, and the cache; as transformers'.

        With `only`, a number for each row, they are those of that one of the columns kept.
        """
        inputs, cache = (input_ids, attention_mask, position_ids), past_key_values
        context = input_ids.shape[1] - keep if keep else 0
        many = len(input_ids) * context >= SHARED_FROM.get(input_ids.device.type, 0)
        before = input_ids[:, :context], attention_mask[:, :context]
        rows = distinct_rows(*before) if many and cache is None else None
        if cache is None and not use_cache:
            given = (*inputs, only, *(rows or (None, None)))
            hidden = captured_passes.run(self, self.whole, given, context)
            return SimpleNamespace(last_hidden_state=hidden, past_key_values=None)
        if rows is not None:
            cache, inputs, context = self.after_shared(*inputs, *rows, context)
        if use_cache and not isinstance(cache, GrowingCache):
            cache = GrowingCache(len(self.h), cache)
        hidden = self.read(*inputs, cache, outputs=context if only is None else context + only)
        return SimpleNamespace(last_hidden_state=hidden, past_key_values=cache)

    def whole(self, ids, mask, positions, only, one, row_of, context: int):
        """The hidden states of texts that follow nothing; `one` and `row_of` share columns."""
        inputs, cache = (ids, mask, positions), JoinedCache(len(self.h))
        if one is not None:
            cache, inputs, context = self.after_shared(*inputs, one, row_of, context)
        return self.read(*inputs, cache, outputs=context if only is None else context + only)

    def after_shared(self, ids, mask, positions, one, row_of, context: int):
        """A cache of the first `context` columns, each different row once, and what is left."""
        shared = JoinedCache(len(self.h))
        self.read(*(x[one, :context] for x in (ids, mask, positions)), shared, outputs=None)
        cache = shared.of_rows(row_of, heads=self.config.n_head)
        return cache, (ids[:, context:], mask, positions[:, context:]), 0

    def read(
        self,
        ids: Int[Tensor, "batch position"],
        mask: Bool[Tensor, "batch context"],
        positions: Int[Tensor, "batch position"],
        cache: Cache,
        *,
        outputs: int | Int[Tensor, "batch"] | None = 0,
    ) -> Float[Tensor, "batch kept width"] | None:
        """The hidden states of tokens that follow what the cache holds; the cache takes them in.

        `outputs` says of which columns: those from a number on, of each row the one that is
        named, or none: then the last layer stops at its keys and values, and None comes.
        """
        x, bias = self.embedded(ids, mask, positions)
        for number, block in enumerate(self.h):
            parts = projections(norm(x, block.ln_1), block.attn)
            query, keys, values = cache.extended(number, parts)
            if number == len(self.h) - 1:
                if outputs is None:
                    return None
                x, query, bias = (of_columns(part, outputs) for part in (x, query, bias))
            x = rest_of_layer(x, query, keys, values, bias, block)
        return norm(x, self.ln_f)

    def embedded(self, ids, mask, positions) -> tuple[Tensor, Tensor]:
        """What the first layer reads of such tokens, and the bias of attention for each head."""
        bias = attention_bias(mask, ids.shape[1], computed_in(self.wte.weight))
        bias = bias.repeat_interleave(self.config.n_head, dim=0)
        return self.wte(ids) + self.wpe(positions), bias


class GPT2(nn.Module):
    """The language model: the trunk, and logits at the positions that are asked for only.

    It shares its weights, and their names, with the transformers model that it is made of. Raises
    ValueError for a GPT-2 with other equations.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        check_layers(model.lm_head, ("torch.Linear",))
        if model.lm_head.bias is not None:
            raise ValueError("this GPT-2's head has no bias, got one; keep the model as it is")
        self.config = model.config
        self.transformer, self.lm_head = GPT2Trunk(model.transformer), model.lm_head

    @property
    def base_model(self) -> GPT2Trunk:
        """The trunk, under the name that transformers has for it."""
        return self.transformer

    def forward(self, logits_to_keep=0, **inputs):
        """Logits (batch, position, vocab) of the last `logits_to_keep` columns; 0 means all."""
        output = self.transformer(keep=logits_to_keep, **inputs)
        output.logits = head(output.last_hidden_state[:, -logits_to_keep:], self.lm_head)
        return output
