"""A pass of a model and its way back as CUDA graphs, with one place for what is given and found."""

from collections.abc import Callable
from weakref import ref

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rlhf_lab.cuda_graphs import capture

Compute = Callable[..., Tensor]
Given = tuple[Tensor | None, ...]


class Recorded:
    """One pass and, where weights learn, its way back, each as a CUDA graph."""

    def __init__(self, model: nn.Module, compute: Compute, given: Given, numbers: tuple[int, ...]):
        self.given = [x if x is None else x.clone() for x in given]
        weights, device = dict(model.named_parameters()), given[0].device
        # the same memory as new leaves: what autograd knows of the old ones is of another stream
        named = {
            f"model.{name}": w.detach().requires_grad_(w.requires_grad)
            for name, w in weights.items()
        }
        whole, held = _Whole(model, compute), (*self.given, *numbers)
        # autocast's copies of weights, made outside, are of one moment: a graph makes its own
        with torch.autocast(**autocast_now(), cache_enabled=False):
            self.forward, output = capture(
                lambda: torch.func.functional_call(whole, named, held), device
            )
        self.output, self.gradient = output.detach(), torch.empty_like(output)
        self.learning, self.token = [], lambda: None
        if output.requires_grad:
            self.learning = [w for w in weights.values() if w.requires_grad]
            leaves = [w for w in named.values() if w.requires_grad]
            self.backward, self.gradients = capture(
                lambda: torch.autograd.grad(output, leaves, self.gradient, allow_unused=True),
                device, pool=self.forward.pool(),
            )  # fmt: skip

    def is_waiting(self) -> bool:
        """Whether a pass whose gradients are still wanted has left its activations here."""
        return self.token() is not None

    def __call__(self, *given: Tensor | None) -> Tensor:
        """The pass for other numbers of the same shapes."""
        for place, x in zip(self.given, given, strict=True):
            if x is not None:
                place.copy_(x)
        if self.learning:
            self.move_gradients()
            return _Replayed.apply(self, *self.learning)
        self.forward.replay()
        return self.output.clone()

    def move_gradients(self) -> None:
        """Copy gradients that still lie where the graphs write: those of the slice before.

        Autograd takes the place itself for a gradient where a weight has none.
        """
        for weight, place in zip(self.learning, self.gradients, strict=True):
            held = weight.grad
            if held is not None and place is not None and held.data_ptr() == place.data_ptr():
                weight.grad = held.clone()


class _Whole(nn.Module):
    """Calls compute, a method of the model, whose weights can then be given by other names."""

    def __init__(self, model: nn.Module, compute: Compute):
        super().__init__()
        self.model, self.compute = model, compute

    def forward(self, *given: Tensor | int | None) -> Tensor:
        return self.compute(*given)


class _Token:
    """Lives as long as gradients of one pass can be asked for."""


class _Replayed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, recorded: Recorded, *_learning: Tensor) -> Tensor:
        recorded.forward.replay()
        ctx.recorded, ctx.token = recorded, _Token()
        recorded.token = ref(ctx.token)
        return recorded.output.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        recorded = ctx.recorded
        if ctx.token is None:
            raise RuntimeError("gradients of a captured pass can be taken once; leave captured()")
        recorded.gradient.copy_(gradient)
        recorded.backward.replay()
        ctx.token = None
        return None, *(x if x is None else x.detach() for x in recorded.gradients)


def autocast_now() -> dict:
    """The settings of autocast on a GPU as they are."""
    return {
        "device_type": "cuda",
        "dtype": torch.get_autocast_dtype("cuda"),
        "enabled": torch.is_autocast_enabled("cuda"),
    }
