"""Policies: a transformers GPT-2, tiny or small, a table for tiny worlds, and frozen copies.

Dropout is off everywhere: with it on, the probability ratio of a policy to itself is not 1.
"""

import copy
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from jaxtyping import Int
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel


def tiny_gpt2(
    vocabulary: int, *, layers: int, width: int, heads: int, context: int, seed: int
) -> GPT2LMHeadModel:
    """A GPT-2 with random weights from `seed`; the global random state is left as it was.

    `gelu_pytorch_tanh` is the same function as GPT-2's `gelu_new`, computed in one kernel.
    """
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config).eval()


def frozen_copy(model: nn.Module) -> nn.Module:
    """A copy that never learns, for the reference. Copy a model to train with `trainable_copy`."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def trainable_copy(model: nn.Module) -> nn.Module:
    """A copy in which every weight learns, whether or not the original was frozen."""
    return copy.deepcopy(model).eval().requires_grad_(True)


@dataclass(frozen=True)
class TableConfig:
    """What `check_fits` asks of a model."""

    vocab_size: int
    max_position_embeddings: int


class TabularPolicy(nn.Module):
    """One free row of logits for each prefix: the policy class in which every policy exists.

    Reads one prompt token, whatever it is, then up to `length` tokens. It takes the arguments
    that transformers' models take, so that every function here also trains a table.
    """

    def __init__(self, vocabulary: int, length: int):
        super().__init__()
        self.config = TableConfig(vocabulary, length + 1)
        prefixes = sum(vocabulary**n for n in range(length))
        self.table = nn.Parameter(torch.zeros(prefixes, vocabulary))

    def forward(self, input_ids, past_key_values=None, logits_to_keep=0, **_ignored):
        """Logits after each prefix; the "cache" is simply the tokens seen before."""
        seen = input_ids if past_key_values is None else torch.cat([past_key_values, input_ids], 1)
        rows = self.prefix_rows(seen)[:, -input_ids.shape[1] :][:, -logits_to_keep:]
        return SimpleNamespace(logits=self.table[rows], past_key_values=seen)

    def prefix_rows(self, ids: Int[Tensor, "batch position"]) -> Int[Tensor, "batch position"]:
        """The table's row for (y_1 .. y_n), n = 0, 1, ...: row_n = 1 + V · row_{n-1} + y_n."""
        rows = [torch.zeros_like(ids[:, 0])]
        for token in ids[:, 1:].unbind(dim=1):
            rows.append(1 + self.config.vocab_size * rows[-1] + token)
        return torch.stack(rows, dim=1)
