"""The logits of one token after the other, so that each token is computed once.

Any model reads over the cache that it brings along. On a GPU starting a small kernel takes longer
than running it, and a token starts a few hundred: there GPT-2 reads over a cache of fixed size,
and the step of one token is captured as a CUDA graph, which starts all of them.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_lab.captured_passes import kept_for
from rlhf_lab.cuda_graphs import Pool, capture, shared_pool
from rlhf_lab.gpt2 import GPT2, SHARED_FROM
from rlhf_lab.gpt2_layers import head
from rlhf_lab.gpt2_token import TokenStep
from rlhf_lab.key_value_cache import FixedCache
from rlhf_lab.logprobs import positions

Prompts = Int[Tensor, "batch prompt"]
Logits = Float[Tensor, "batch 1 vocab"]  # of the token that comes next


class Reader:
    """A model of transformers' arguments, over its own cache; `logits` follow the prompts."""

    def __init__(self, model: nn.Module, prompts: Prompts, mask: Bool[Tensor, "batch prompt"]):
        self.model, self.attention, self.cache = model, mask, None
        self.logits = self.read(prompts)

    def read(self, ids: Int[Tensor, "batch position"]) -> Logits:
        """The logits after these tokens, which follow those that were read."""
        output = self.model(
            input_ids=ids,
            attention_mask=self.attention,
            position_ids=positions(self.attention)[:, -ids.shape[1] :],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = getattr(output, "past_key_values", None)
        if self.cache is None:
            raise ValueError(
                f"{type(self.model).__name__} keeps no past_key_values, without which it cannot "
                "write token by token; take a model with a cache, as GPT-2"
            )
        return output.logits[:, -1:]

    def after(self, token: Int[Tensor, "batch"]) -> Logits:
        """The logits after one more token in each row."""
        self.attention = torch.cat([self.attention, torch.ones_like(self.attention[:, :1])], dim=1)
        return self.read(token[:, None])


class FixedReader:
    """GPT-2 with room for `room` tokens: each step does the same to tensors of the same places."""

    def __init__(
        self, model: GPT2, prompts: Prompts, mask: Bool[Tensor, "batch prompt"], *, room: int
    ):
        first = Reader(model, prompts, mask)
        self.model, self.logits = model, first.logits
        self.cache = FixedCache(first.cache, room=room)
        self.token = TokenStep(model.transformer, self.cache)
        self.attention = mask.new_zeros(len(mask), room)
        self.attention[:, : mask.shape[1]] = mask
        self.ids, self.positions = prompts[:, -1:].clone(), positions(mask)[:, -1:].clone()

    def after(self, token: Int[Tensor, "batch"]) -> Logits:
        """The logits after one more token in each row."""
        self.ids.copy_(token[:, None])
        return self.step()

    def step(self) -> Logits:
        """Read `ids` at the next place, which becomes visible."""
        self.cache.place += 1
        self.positions += 1
        self.attention.index_fill_(1, self.cache.place, True)
        hidden = self.token(self.ids, self.attention, self.positions)
        return head(hidden, self.model.lm_head)


class CapturedReader:
    """`FixedReader` on a GPU: its step is a CUDA graph, replayed for every token.

    The logits are overwritten by the next token's.
    """

    def __init__(self, fixed: FixedReader, *, pool: Pool):
        self.logits, self.ids = fixed.logits, fixed.ids
        self.held = fixed.token, fixed.attention, fixed.positions  # the graph works on these
        fixed.token.prepare()
        self.graph, self.replayed = capture(fixed.step, self.ids.device, pool=pool)

    def after(self, token: Int[Tensor, "batch"]) -> Logits:
        """The logits after one more token in each row."""
        self.ids.copy_(token[:, None])
        self.graph.replay()
        return self.replayed


class KeptReader(CapturedReader):
    """The first pass, over the prompts, is a graph too: for all rollouts of one shape.

    Autocast's rounded copies of the weights are made by that graph, at each rollout anew.
    """

    def __init__(
        self, model: GPT2, prompts: Prompts, mask: Bool[Tensor, "batch prompt"], *, room: int
    ):
        self.prompts, self.mask = prompts.clone(), mask.clone()
        torch.clear_autocast_cache()
        self.start, fixed = capture(
            lambda: FixedReader(model, self.prompts, self.mask, room=room), prompts.device
        )
        super().__init__(fixed, pool=self.start.pool())
        torch.clear_autocast_cache()

    def begin(self, prompts: Prompts, mask: Bool[Tensor, "batch prompt"]) -> "KeptReader":
        """A new rollout, which ends the one before: `logits` follow these prompts."""
        self.prompts.copy_(prompts)
        self.mask.copy_(mask)
        self.start.replay()
        return self


def reader(
    model: nn.Module, prompts: Prompts, mask: Bool[Tensor, "batch prompt"], *, max_tokens: int
) -> Reader | CapturedReader:
    """What reads fastest here: from CUDA graphs where there is a GPU and the package's GPT-2.

    The first pass is in one inside `captured`, unless the prompts are so many that rows share it.
    """
    if not (isinstance(model, GPT2) and prompts.is_cuda) or max_tokens == 1:
        return Reader(model, prompts, mask)
    room = prompts.shape[1] + max_tokens
    if prompts.numel() < SHARED_FROM["cuda"]:
        kept = kept_for(
            model, "rollout", ((prompts, mask), (room,)),
            lambda: KeptReader(model, prompts, mask, room=room),
        )  # fmt: skip
        if kept is not None:
            return kept.begin(prompts, mask)
    fixed = FixedReader(model, prompts, mask, room=room)
    return CapturedReader(fixed, pool=shared_pool(prompts.device))
