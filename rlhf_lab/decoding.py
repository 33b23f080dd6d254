"""The logits of one token after the other, so that each token is computed once.

Any model reads over the cache that it brings along. On a GPU starting a small kernel takes longer
than running it, and a token starts a few hundred: there GPT-2 reads over a cache of fixed size,
and the step of one token is captured once a rollout as a CUDA graph, which starts all of them.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_lab.gpt2 import GPT2
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
        trunk = self.model.transformer
        return self.model.lm_head(trunk.read(self.ids, self.attention, self.positions, self.cache))


class CapturedReader(FixedReader):
    """The same on a GPU: the second token's step is captured as a CUDA graph, and then replayed.

    The first runs as it is, on the stream of captures, so that libraries have what they allocate.
    The logits are overwritten by the next token's.
    """

    graph: torch.cuda.CUDAGraph | None = None
    replayed: Logits | None = None

    def step(self) -> Logits:
        """The step of `FixedReader`, from a graph once there is one."""
        if self.replayed is not None:
            self.graph.replay()
            return self.replayed
        ours, (stream, keeper) = torch.cuda.current_stream(), captures(self.ids.device)
        stream.wait_stream(ours)
        with torch.cuda.stream(stream):
            if self.graph is None:
                self.graph, logits = torch.cuda.CUDAGraph(), super().step()
            else:
                self.replayed = self.capture(keeper)
        ours.wait_stream(stream)
        return logits if self.replayed is None else self.step()

    def capture(self, keeper: torch.cuda.CUDAGraph) -> Logits:
        """Record the step, which runs nothing; its logits will lie where these do.

        torch.cuda.graph would first give all free memory back to the driver, at each rollout.
        """
        self.graph.capture_begin(pool=keeper.pool())
        try:
            return super().step()
        finally:
            self.graph.capture_end()


@cache
def captures(device: torch.device) -> tuple[torch.cuda.Stream, torch.cuda.CUDAGraph]:
    """The stream of all captures on a GPU, and a small graph that keeps their memory for the next.

    Captures share memory as long as one graph that lives there does.
    """
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream()):
        keeper = torch.cuda.CUDAGraph()
        keeper.capture_begin()
        torch.zeros(1, device=device)
        keeper.capture_end()
        return torch.cuda.current_stream(), keeper


def reader(
    model: nn.Module, prompts: Prompts, mask: Bool[Tensor, "batch prompt"], *, max_tokens: int
) -> Reader | FixedReader:
    """What reads fastest here: from a CUDA graph where there is a GPU and the package's GPT-2."""
    if isinstance(model, GPT2) and prompts.is_cuda:
        return CapturedReader(model, prompts, mask, room=prompts.shape[1] + max_tokens)
    return Reader(model, prompts, mask)
