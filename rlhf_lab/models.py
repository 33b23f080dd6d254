"""Policies and value models: transformers' GPT-2, tables for tiny worlds, and frozen copies.

Dropout is off everywhere: with it on, the probability ratio of a policy to itself is not 1. So is
transformers' gradient checkpointing, which needs training mode; `micro_batch_size` saves memory.
"""

import copy
from types import SimpleNamespace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rlhf_lab.gpt2 import GPT2Trunk
from rlhf_lab.settings import require_seed
from rlhf_lab.trunks import trunk_of, width_of


def tiny_gpt2(
    vocabulary: int, *, layers: int, width: int, heads: int, context: int, seed: int
) -> nn.Module:
    """transformers' GPT-2 with random weights from `seed`; global random state stays as it was.

    `gelu_pytorch_tanh` is the same function as GPT-2's `gelu_new`, computed in one kernel.
    """
    require_seed(seed=seed)
    # Here, since it takes as long to import as all else, and much of the package does without.
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)  # and no generator of a GPU
        return GPT2LMHeadModel(config).eval()


def frozen_copy(model: nn.Module) -> nn.Module:
    """A copy that never learns, for the reference. Copy a model to train with `trainable_copy`."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def trainable_copy(model: nn.Module) -> nn.Module:
    """A copy in which every weight learns, whether or not the original was frozen."""
    return copy.deepcopy(model).eval().requires_grad_(True)


class ScalarModel(nn.Module):
    """One number at each position: the trunk of a causal language model under a linear head.

    It takes the arguments of transformers' models and answers in `logits`, of shape
    (batch, position, 1). The value model of PPO; a reward model reads its last real position.
    """

    def __init__(self, language_model: nn.Module):
        super().__init__()
        self.trunk = trainable_copy(trunk_of(language_model))
        self.config = language_model.config
        weight = next(self.trunk.parameters())
        like = {"device": weight.device, "dtype": weight.dtype}
        self.head = nn.utils.skip_init(nn.Linear, width_of(language_model), 1, **like)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, logits_to_keep=0, **inputs):
        """The head's number at each of the last `logits_to_keep` positions; 0 means all."""
        if isinstance(self.trunk, GPT2Trunk):
            inputs["keep"] = logits_to_keep
        hidden = self.trunk(**inputs).last_hidden_state[:, -logits_to_keep:]
        return SimpleNamespace(logits=self.head(hidden))


def only_column(outputs: Float[Tensor, "*item column"]) -> Float[Tensor, "*item"]:
    """The one number at each position. ValueError for more: a language model has a vocabulary."""
    if outputs.shape[-1] != 1:
        raise ValueError(
            f"the model must give one number a position, got {outputs.shape[-1]}; make it with "
            "rewards.networks.reward_model or models.value_model"
        )
    return outputs.squeeze(-1)


def value_model(policy: nn.Module) -> nn.Module:
    """A critic beside the policy: its trunk's weights copied, all learning, every value 0.

    The head starts at 0 as in OpenAI's code of 2019. For a `TabularPolicy`, a table of values.
    """
    if isinstance(policy, TabularPolicy):
        return TabularValues(policy.config.vocab_size, policy.length).to(policy.table)
    return ScalarModel(policy)


class Table(nn.Module):
    """One free row for each prefix of a response: the class in which every function exists.

    Reads one prompt token, whatever it is, then up to `length` tokens. It takes the arguments
    that transformers' models take, so that every function here also trains a table.
    """

    def __init__(self, vocabulary: int, length: int, columns: int):
        super().__init__()
        # What `check_fits` asks of a model.
        self.config = SimpleNamespace(vocab_size=vocabulary, max_position_embeddings=length + 1)
        self.length = length
        prefixes = sum(vocabulary**n for n in range(length))
        self.table = nn.Parameter(torch.zeros(prefixes, columns))

    def forward(
        self, input_ids, attention_mask=None, past_key_values=None, logits_to_keep=0, **_ignored
    ):
        """The rows after each prefix; the "cache" is simply the tokens seen before."""
        if attention_mask is not None and not attention_mask[:, 0].all():
            raise ValueError("a table reads prompts of exactly one token, got padding before one")
        seen = input_ids if past_key_values is None else torch.cat([past_key_values, input_ids], 1)
        rows = self.prefix_rows(seen)[:, -input_ids.shape[1] :][:, -logits_to_keep:]
        return SimpleNamespace(logits=self.table[rows], past_key_values=seen)

    def prefix_rows(self, ids: Int[Tensor, "batch position"]) -> Int[Tensor, "batch position"]:
        """The table's row for (y_1 .. y_n), n = 0, 1, ...: row_n = 1 + V · row_{n-1} + y_n.

        Raises ValueError for an id outside the vocabulary, which would name another row.
        """
        rows, tokens, size = [torch.zeros_like(ids[:, 0])], ids[:, 1:], self.config.vocab_size
        if (unknown := tokens[(tokens < 0) | (tokens >= size)]).numel():
            raise ValueError(f"token ids must be 0 to {size - 1}, got {unknown[0]}")
        for token in tokens.unbind(dim=1):
            rows.append(1 + size * rows[-1] + token)
        return torch.stack(rows, dim=1)


class TabularPolicy(Table):
    """A table of logits: the policy class in which every policy exists."""

    def __init__(self, vocabulary: int, length: int):
        super().__init__(vocabulary, length, columns=vocabulary)


class TabularValues(Table):
    """A table of values, all 0 at first: the critic of a `TabularPolicy`."""

    def __init__(self, vocabulary: int, length: int):
        super().__init__(vocabulary, length, columns=1)
