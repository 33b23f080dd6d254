"""Small random inputs, with everything that makes a mistake show: padding, unequal lengths."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def numbers(generator: torch.Generator, *shape: int, scale: float = 1.0) -> Float[Tensor, "..."]:
    """Normal random numbers of the given shape."""
    return scale * torch.randn(*shape, generator=generator)


def between(generator: torch.Generator, low: float, high: float) -> float:
    """One number, even over a range."""
    return low + (high - low) * torch.rand((), generator=generator).item()


def right_padded(generator: torch.Generator, batch: int, width: int) -> Bool[Tensor, "batch token"]:
    """A mask of responses of two tokens or more, of which the first is the shortest."""
    lengths = torch.randint(2, width + 1, (batch,), generator=generator)
    lengths[0], lengths[-1] = 2, width
    return torch.arange(width) < lengths[:, None]


def with_noise_at_padding(
    x: Float[Tensor, "*dims"], mask: Bool[Tensor, "*dims"], generator: torch.Generator
) -> Float[Tensor, "*dims"]:
    """The same numbers, with large ones where padding is."""
    noise = 3 + torch.rand(x.shape, generator=generator)
    return torch.where(mask, x, noise)
