"""What every training loop shares: batches, one update, the history of a run."""

from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm.auto import tqdm

from rlhf_lab import precision, processes
from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.train.gradient_steps import clipped_norm, move, require_finite
from rlhf_lab.training_state import TrainingState

Metrics = dict[str, float]
History = dict[str, list[float]]


def history(run: Iterable[Metrics], *, steps: int | None = None) -> History:
    """Train to the end and return every metric as a list; `steps` gives the progress bar its end.

    >>> history(({"step": n, "loss": 1 / (n + 1)} for n in range(2)))
    {'step': [0, 1], 'loss': [1.0, 0.5]}
    """
    table: History = {}
    bar = tqdm(run, total=steps, unit="step", leave=False, delay=2) if processes.is_main() else run
    for metrics in bar:
        for name, value in metrics.items():
            table.setdefault(name, []).append(value)
    return table


def minibatches(
    size: int, *, batch_size: int, steps: int, generator: torch.Generator
) -> Iterator[Int[Tensor, "row"]]:
    """Row numbers of `steps` batches: shuffled passes over all rows, a last short batch left out.

    Raises ValueError where a batch does not fit into the data.
    """
    if not 1 <= batch_size <= size:
        raise ValueError(f"batch_size must lie in 1..{size}, the number of rows, got {batch_size}")
    return _minibatches(size, batch_size, steps, generator)


def _minibatches(
    size: int, batch_size: int, steps: int, generator: torch.Generator
) -> Iterator[Tensor]:
    per_epoch = size // batch_size
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(size, generator=generator)
        start = step % per_epoch * batch_size
        yield order[start : start + batch_size]


def shuffled(
    size: int, batch_size: int, epochs: int, generator: torch.Generator
) -> Iterator[Int[Tensor, "row"]]:
    """Row numbers of every batch of `epochs` passes, each pass in a new order."""
    for _ in range(epochs):
        yield from torch.randperm(size, generator=generator).split(batch_size)


def resumable(steps: int, state: TrainingState, checkpoints: Checkpoints | None) -> Iterator[int]:
    """The numbers of the steps that are left; the state is kept, where it is due, after each.

    Before each dropout is off, whatever was done to the models since the last: log π must be that
    of the policy that samples. Of several processes, which must see one file, the main one writes.
    """
    done = 0 if checkpoints is None else checkpoints.restore(state)
    for step in range(done, steps):
        if not torch.is_grad_enabled():
            raise ValueError("gradients are off, and training needs them: leave torch.no_grad()")
        if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
            raise ValueError(
                "autocast is on around the loop, and keeps its rounded copies of weights that the "
                "loop changes: leave torch.autocast(), and use rlhf_lab.precision.bfloat16()"
            )
        for model in (*state.modules.values(), *state.frozen.values()):
            model.eval()
        yield step
        if checkpoints is not None and processes.is_main():
            checkpoints.keep(state, steps_done=step + 1)


def trainable_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that learn. ValueError where none does, and for fewer bits than float32."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise ValueError(
            "every parameter of this model is frozen, so nothing would learn; a deep copy of a "
            "frozen model is frozen too: use rlhf_lab.models.trainable_copy"
        )
    precision.check_weights(parameters)
    return parameters


def update(
    optimizer: torch.optim.Optimizer,
    loss: Float[Tensor, ""],
    *,
    step: int,
    learning_rate: float,
    max_grad_norm: float,
) -> float:
    """One gradient step, the gradient's norm clipped; returns the norm before clipping.

    For a batch in slices, and for several processes, see `micro_batches.Update`. Raises
    FloatingPointError, with nothing changed, where the loss or its gradient is not finite.
    """
    require_finite("loss", loss.item(), step)
    optimizer.zero_grad()
    loss.backward()
    norm = clipped_norm(optimizer, step=step, max_grad_norm=max_grad_norm)
    move(optimizer, learning_rate=learning_rate)
    return norm


def minimise(
    loss: Callable[[], Float[Tensor, ""]],
    model: nn.Module,
    *,
    steps: int,
    learning_rate: float,
) -> Iterator[Metrics]:
    """Adam on a loss without noise, for the exact world.

    The rate stays for the first half, then falls in a line to 0.
    """
    optimizer = torch.optim.Adam(trainable_parameters(model), lr=learning_rate)
    for step in range(steps):
        value = loss()
        rate = learning_rate * min(1.0, 2 * (1 - step / steps))
        update(optimizer, value, step=step, learning_rate=rate, max_grad_norm=float("inf"))
        yield {"step": step, "loss": value.item()}


def warmed_up(learning_rate: float, *, step: int, warmup_steps: int) -> float:
    """Rises in a line to `learning_rate` during the first `warmup_steps`, then stays."""
    return learning_rate * min(1.0, (step + 1) / max(1, warmup_steps))
