"""bfloat16 inside the models, float32 outside: off unless asked for.

    with bfloat16():
        run = history(train_grpo(...))

Matrices are then multiplied in bfloat16, which a GPU and some CPUs do several times as fast. The
weights, the log-probs and the losses stay in float32.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

_ON = ContextVar("bfloat16", default=False)


@contextmanager
def bfloat16() -> Iterator[None]:
    """Inside, models compute in bfloat16 where torch.autocast holds that to be safe."""
    before = _ON.set(True)
    try:
        yield
    finally:
        _ON.reset(before)


def is_bfloat16() -> bool:
    """Whether this is inside `bfloat16`."""
    return _ON.get()


def of_matrices(device: torch.device) -> AbstractContextManager:
    """What a model is called in: torch.autocast inside `bfloat16`, else nothing.

    It must end before the weights change, since autocast keeps the weights that it has rounded.
    """
    return torch.autocast(device.type, torch.bfloat16) if _ON.get() else nullcontext()


def at_least_float32(x: Float[Tensor, "*item"]) -> Float[Tensor, "*item"]:
    """x as it is, or in float32 where it has fewer bits: for logits, values and rewards."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def check_weights(weights: Iterable[nn.Parameter]) -> None:
    """Raise ValueError for weights of fewer bits than float32, in which small steps are lost.

    A bfloat16 has 8 bits: a step of less than 1/512 of a weight is rounded away. In float16 the
    1e-8 of Adam is 0, and its first step 0/0 where a gradient is 0.
    """
    for weight in weights:
        if at_least_float32(weight).dtype != weight.dtype:
            raise ValueError(
                f"weights that learn must be float32 or float64, got {weight.dtype}, in which "
                "small steps are rounded away; load the model with dtype=torch.float32, and for "
                "arithmetic in bfloat16 use rlhf_lab.precision.bfloat16()"
            )


@contextmanager
def medium() -> Iterator[None]:
    """Inside, products of float32 matrices may be rounded as torch's precision "medium" allows.

    With gradients, unlike autocast. A CPU without units for bfloat16 matrices (AMX) rounds nothing
    and takes a faster kernel; others and GPUs compute in fewer bits. `matrix_error` says what it
    is here.
    """
    with _float32_products("medium"):
        yield


@contextmanager
def highest() -> Iterator[None]:
    """Inside, products of float32 matrices are computed as torch comes: in float32."""
    with _float32_products("highest"):
        yield


def is_onednn() -> bool:
    """Whether a CPU multiplies float32 matrices by oneDNN here, as with AVX-512 at "medium"."""
    medium = torch.get_float32_matmul_precision() == "medium"
    return medium and torch.backends.cpu.get_cpu_capability().startswith("AVX512")


@contextmanager
def _float32_products(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def matrix_error(device: torch.device, *, size: int = 512) -> float:
    """The largest error of a product of random float32 matrices here, in units of its std.

    About 1e-6 in float32 and 1e-2 in bfloat16.
    """
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, size, size, generator=generator, dtype=torch.float64).float()
    exact = left.double() @ right.double()
    found = (left.to(device) @ right.to(device)).cpu().double()
    return ((found - exact).abs().max() / exact.std()).item()
