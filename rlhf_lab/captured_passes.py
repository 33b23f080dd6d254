"""Passes of a model on a GPU as CUDA graphs: all kernels of a pass are started at once.

    with captured():
        run = history(train_dpo(...))

To start a small kernel takes the host longer than a GPU needs to run it, and a pass of GPT-2-small
starts hundreds. A graph repeats the same work on the same places in memory. So a pass is captured
where it comes twice in a row with the same shapes, precision and weights; any other runs as usual.
It is kept, with the memory of its activations, until another comes twice in a row or the context
ends. No number changes. Gradients lie in that memory too: clone one that is to outlive the next
pass of its model.

`captured(compiled=True)` also has torch.compile join the small kernels of sampling. That takes
seconds at the first token, and again where shapes change; numbers change in their last digits.
Of one function torch compiles eight kinds (dtypes, settings, sizes); a further kind runs as usual.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rlhf_lab.recorded_passes import Compute, Given, Recorded, autocast_now

Kept = TypeVar("Kept")

_ON = ContextVar("captured", default=False)
_COMPILED = ContextVar("compiled", default=False)


@contextmanager
def captured(*, compiled: bool = False) -> Iterator[None]:
    """Inside, the package's GPT-2 captures its passes on a GPU; elsewhere nothing changes.

    With `compiled` what samples there is compiled first: for runs of many steps of one shape.
    Raises RuntimeError before torch 2.5, which would compile each layer by itself.
    """
    if compiled and torch.__version__ < (2, 5):
        raise RuntimeError(
            f"captured(compiled=True) needs torch 2.5 or newer, got {torch.__version__}"
        )
    outermost, before, compiled_before = not _ON.get(), _ON.set(True), _COMPILED.set(compiled)
    try:
        yield
    finally:
        _ON.reset(before)
        _COMPILED.reset(compiled_before)
        if outermost:
            _KEPT.clear()


def compiled(function: Callable, device: torch.device) -> Callable:
    """The function; on a GPU inside `captured(compiled=True)` what torch.compile makes of it."""
    return torch.compile(function) if _COMPILED.get() and device.type == "cuda" else function


def run(model: nn.Module, compute: Compute, given: Given, *numbers: int) -> Tensor:
    """compute(*given, *numbers), a method of the model; from a graph inside `captured`.

    It must read weights and what is given alone, and wait for nothing. It runs as usual too while
    gradients of the pass before are still to come: a graph has one place for what they need.
    """
    learns = torch.is_grad_enabled() and any(w.requires_grad for w in model.parameters())
    kind = "forward and back" if learns else "forward"
    kept = kept_for(model, kind, (given, numbers), lambda: Recorded(model, compute, given, numbers))
    return compute(*given, *numbers) if kept is None or kept.is_waiting() else kept(*given)


def kept_for(model: nn.Module, kind: str, work: tuple, make: Callable[[], Kept]) -> Kept | None:
    """What `make` made of this kind of work for the model; None where it is not captured.

    `work` is a pair, what is given and numbers: the same work has tensors of the same shapes.
    """
    given, numbers = work
    if not (_ON.get() and given[0].is_cuda):
        return None
    return _KEPT.setdefault(model, Keeper()).of(kind, _key(model, given, numbers), make)


class Keeper:
    """What was captured of one model: of each kind of work at most one.

    None stands for what found no memory, which then runs as usual.
    """

    def __init__(self):
        self.last, self.made = {}, {}

    def of(self, kind: str, key: Hashable, make: Callable[[], Kept]) -> Kept | None:
        """What was made for the key, now if it comes the second time in a row; else None."""
        again, self.last[kind] = self.last.get(kind) == key, key
        if again and self.made.get(kind, (None,))[0] != key:
            self.made.pop(kind, None)  # before the next needs memory
            self.made[kind] = key, _if_it_fits(make)
        known, made = self.made.get(kind, (None, None))
        return made if known == key else None


_KEPT: WeakKeyDictionary[nn.Module, Keeper] = WeakKeyDictionary()


def _key(model: nn.Module, given: Given, numbers: tuple[int, ...]) -> Hashable:
    """What a graph holds fast. Left out: torch's choice of attention, deterministic algorithms."""
    shapes = tuple(x if x is None else (x.shape, x.dtype, x.device) for x in given)
    weights = tuple((id(w), w.data_ptr(), w.requires_grad) for w in model.parameters())
    arithmetic = (*autocast_now().values(), torch.get_float32_matmul_precision())
    modes = _COMPILED.get(), torch.is_inference_mode_enabled()
    return numbers, shapes, weights, arithmetic, modes


def _if_it_fits(make: Callable[[], Kept]) -> Kept | None:
    """What is made; None where there is no memory, also after what torch holds unused is freed.

    In a capture torch does not free it by itself.
    """
    for _ in range(2):
        try:
            return make()
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    return None
