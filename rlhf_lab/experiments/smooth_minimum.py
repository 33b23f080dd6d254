"""The minimum of a smooth loss without noise, in a few numbers."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def minimum(
    loss: Callable[[Tensor], Float[Tensor, ""]], start: Float[Tensor, "..."], *, iterations: int
) -> Float[Tensor, "..."]:
    """argmin of loss(numbers), from a start, by L-BFGS with a line search."""
    numbers = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([numbers], max_iter=iterations, line_search_fn="strong_wolfe")

    def evaluated() -> Tensor:
        optimizer.zero_grad()
        value = loss(numbers)
        value.backward()
        return value

    optimizer.step(evaluated)
    return numbers.detach()
