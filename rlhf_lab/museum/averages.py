"""Mistakes in means over tokens: what is divided by what."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Tokens, Mask = Float[Tensor, "batch token"], Bool[Tensor, "batch token"]
Scalar = Float[Tensor, ""]


def padding_counted(x: Tokens, mask: Mask) -> Scalar:
    """The sum over real tokens is divided by the number of all positions, padding included."""
    return (x * mask).sum() / mask.numel()


def mean_of_means(x: Tokens, mask: Mask) -> Scalar:
    """Each response's own mean comes first, then the mean over responses."""
    return ((x * mask).sum(dim=1) / mask.sum(dim=1)).mean()


def padding_in_the_sum(x: Tokens, mask: Mask) -> Scalar:
    """Values at padding are summed as well: the mask is in the divisor only."""
    return x.sum() / mask.sum()


def mean_added_back(x: Tokens, mask: Mask) -> Tokens:
    """The mean is added back after the division, so that advantages are not centred."""
    mean, std = _statistics(x, mask)
    return ((x - mean) / std + mean) * mask


def padding_in_the_statistics(x: Tokens, mask: Mask) -> Tokens:
    """Mean and std are taken over all positions, the zeros of the padding included."""
    filled = x * mask
    return (filled - filled.mean()) / filled.std() * mask


def only_centred(x: Tokens, mask: Mask) -> Tokens:
    """The mean is removed, but nothing is divided by the std."""
    return (x - _statistics(x, mask)[0]) * mask


def divided_by_the_variance(x: Tokens, mask: Mask) -> Tokens:
    """The variance is in the place of its root."""
    mean, std = _statistics(x, mask)
    return (x - mean) / std**2 * mask


def micro_batch_means(x: Tokens, mask: Mask, size: int) -> Scalar:
    """The means of micro-batches with unequal numbers of tokens are averaged."""
    pieces = zip(x.split(size), mask.split(size), strict=True)
    return torch.stack([(a * m).sum() / m.sum() for a, m in pieces]).mean()


def micro_batch_sums(x: Tokens, mask: Mask, size: int) -> Scalar:
    """The means of the micro-batches are summed and not divided by their number."""
    pieces = zip(x.split(size), mask.split(size), strict=True)
    return torch.stack([(a * m).sum() / m.sum() for a, m in pieces]).sum()


def divided_twice(x: Tokens, mask: Mask, size: int) -> Scalar:
    """What is normalised by the whole batch is divided by the number of micro-batches once more."""
    return (x * mask).sum() / mask.sum() / -(-len(x) // size)


def _statistics(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    real = x[mask]
    return real.mean(), real.std()


MEANS = (
    Bug(
        function=padding_counted,
        looks="Gradients shrink where one long response pads the others; Adam hides it.",
    ),
    Bug(
        function=mean_of_means,
        looks="Nothing looks wrong. Tokens of short responses weigh more: it is another objective, "
        "the one that GRPO's paper has.",
    ),
    Bug(
        function=padding_in_the_sum,
        looks="Right as long as padding holds zeros; NaN or noise on the day it does not.",
    ),
)
WHITENINGS = (
    Bug(
        function=mean_added_back,
        looks="A common advantage for all tokens: everything that was sampled is made likelier, "
        "or less likely, and the entropy moves. Where the mean is near 0 nothing is seen.",
    ),
    Bug(
        function=padding_in_the_statistics,
        looks="Advantages too large where much is padding; the step depends on the batch.",
    ),
    Bug(function=only_centred, looks="The size of a step follows the scale of the reward."),
    Bug(
        function=divided_by_the_variance,
        looks="Harmless at variance 1; steps grow without bound as rewards become alike.",
    ),
)
MICRO_BATCHES = (
    Bug(
        function=micro_batch_means,
        looks="The run changes with the size of the micro-batch; short responses weigh more.",
        seen=("ml-explore/mlx-lm#1413", "allenai/open-instruct#1161", "huggingface/trl#3021"),
    ),
    Bug(
        function=micro_batch_sums,
        looks="Gradients grow with the number of micro-batches; clipping and Adam hide it.",
        seen=("NVIDIA-NeMo/RL#84",),
    ),
    Bug(
        function=divided_twice,
        looks="Learning slows down with the number of micro-batches; Adam hides most of it.",
        seen=("modelscope/ms-swift#10117",),
    ),
)
