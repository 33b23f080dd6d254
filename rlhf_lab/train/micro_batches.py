"""A batch in slices: where it does not fit into memory, or is shared out to several processes.

What is summed is the mean of the whole batch, not a mean of the slices' means: neither the size of
a slice nor the number of processes changes a result.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rlhf_lab import processes
from rlhf_lab.train.gradient_steps import clipped_norm, move, require_finite
from rlhf_lab.train.loop import Metrics

Rows = Int[Tensor, "row"]


def slices(
    rows: Rows, weights: Int[Tensor, "batch"], size: int | None
) -> Iterator[tuple[Rows, float]]:
    """This process's part of `rows`, `size` at a time, each slice with its share of all weight.

    mean over rows = Σ_slices share · mean over the slice, where a row weighs what it counts for in
    that mean: its tokens in a mean over tokens, 1 in a mean over responses. None: one slice.
    """
    total = int(weights[rows].sum())
    own = rows[processes.own(len(rows))]
    for part in own.split(size or len(own)):
        yield part, int(weights[part].sum()) / total


def over_rows(
    function: Callable[[Rows], Float[Tensor, "row *rest"]], count: int, size: int | None
) -> Float[Tensor, "count *rest"]:
    """function(rows) of a batch of `count`, `size` rows at a time, each process its own."""
    own = torch.arange(count)[processes.own(count)]
    parts = [function(rows) for rows in own.split(size or len(own))]
    return processes.whole(torch.cat(parts), count)


class Update:
    """One gradient step on the mean of a batch, of which `add` takes slice after slice.

    `whose`, as "critic's ", begins the names of what is not finite, where two models learn.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, *, step: int, whose: str = ""):
        self.optimizer, self.step, self.whose = optimizer, step, whose
        self.slices: list[tuple[float, dict[str, Float[Tensor, ""]]]] = []
        optimizer.zero_grad()

    def add(self, share: float, means: dict[str, Float[Tensor, ""]]) -> None:
        """Add share · mean of a slice: of "loss" with its gradient, of all else to report it.

        The slice's graph is free afterwards. Raises FloatingPointError for a loss of NaN or ∞.
        """
        loss = share * means["loss"]
        require_finite(f"{self.whose}loss", loss.item(), self.step)
        loss.backward()
        self.slices.append((share, {name: mean.detach() for name, mean in means.items()}))

    def apply(self, *, learning_rate: float, max_grad_norm: float) -> Metrics:
        """Change the weights; returns the means over the whole batch, and "grad_norm" unclipped.

        Raises FloatingPointError, with no weight changed, where the gradient is not finite.
        """
        metrics = self.clip(max_grad_norm=max_grad_norm)
        move(self.optimizer, learning_rate=learning_rate)
        return metrics

    def clip(self, *, max_grad_norm: float) -> Metrics:
        """The first half of `apply`: all of it but the change of weights."""
        means = self.means()
        if processes.count() > 1:
            means = self._summed_over_processes(means)
        limits = {"step": self.step, "max_grad_norm": max_grad_norm, "whose": self.whose}
        return means | {"grad_norm": clipped_norm(self.optimizer, **limits)}

    def means(self) -> Metrics:
        """Σ share · mean; those of a slice are read together: each reading waits for a GPU."""
        sums: Metrics = {}
        for share, means in self.slices:
            for name, mean in zip(means, torch.stack([*means.values()]).tolist(), strict=True):
                sums[name] = sums.get(name, -0.0) + share * mean  # to -0.0: that changes nothing
        return sums

    def _summed_over_processes(self, means: Metrics) -> Metrics:
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        has = torch.tensor([p.grad is not None for p in parameters], device=parameters[0].device)
        for parameter, count in zip(parameters, processes.summed(has).tolist(), strict=True):
            if count:  # a process whose rows do not reach a weight, as that of an expert, adds 0
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = processes.summed(own)
        values = parameters[0].new_tensor(list(means.values()), dtype=torch.float64)
        return dict(zip(means, processes.summed(values).tolist(), strict=True))
