"""Tokens drawn from logits by inverting their cumulative distribution."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 256


def drawn(
    logits: Float[Tensor, "batch vocab"], uniform: Float[Tensor, "batch 1"]
) -> tuple[Int[Tensor, "batch"], Float[Tensor, "batch"]]:
    """The first token at which the cumulative distribution exceeds u, and its log-prob.

    u ~ U[0, 1) is a number for each row. Ten times as fast as torch.multinomial for GPT-2's
    vocabulary on a CPU. In float32 at least: of a cumulative sum over 50,257 equal terms bfloat16
    tells only 1,220 values apart.
    """
    logprobs = logits.log_softmax(dim=-1)
    cumulative = cumulative_sum(logprobs.exp())
    token = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
    token = token.clamp(max=logits.shape[-1] - 1)
    return token.squeeze(1), logprobs.gather(1, token).squeeze(1)


def cumulative_sum(x: Float[Tensor, "batch vocab"]) -> Float[Tensor, "batch sum"]:
    """Sums of the first numbers of each row; on a GPU the last is repeated to whole blocks.

    A GPU sums a row in one group of threads however long it is: there short pieces come first.
    """
    return in_blocks(x) if x.is_cuda else x.cumsum(dim=-1)


def in_blocks(x: Float[Tensor, "batch vocab"]) -> Float[Tensor, "batch sum"]:
    """Sums within blocks of each row, and to each what the blocks before it sum to.

    The latter in float64: rounded apart, the first sum of a block could fall below the last of the
    block before, and a token of probability 0 between them be drawn.
    """
    within = pad(x, (0, -x.shape[1] % BLOCK)).unflatten(1, (-1, BLOCK)).cumsum(dim=-1)
    before = pad(within[:, :-1, -1].double().cumsum(dim=-1), (1, 0))
    return (within + before[..., None]).flatten(1)
