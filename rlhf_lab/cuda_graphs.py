"""Work on a GPU recorded as a CUDA graph, which starts all of its kernels at once."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TypeVar

import torch

Found = TypeVar("Found")
Pool = tuple[int, int]  # as torch names a graph's memory


def capture(
    work: Callable[[], Found], device: torch.device, *, pool: Pool | None = None
) -> tuple[torch.cuda.CUDAGraph, Found]:
    """The graph of the work, and what it gives: nothing has run, but a replay will put it there.

    Its memory comes from the pool, or from one of its own. torch.cuda.graph would first give all
    free memory back to the driver.
    """
    graph, ours = torch.cuda.CUDAGraph(), torch.cuda.current_stream(device)
    stream, _ = captures(device)
    stream.wait_stream(ours)
    with torch.cuda.stream(stream):
        graph.capture_begin(pool=pool)
        try:
            found = work()
        except BaseException:
            with suppress(RuntimeError):  # which would hide what failed
                graph.capture_end()
            raise
        graph.capture_end()
    ours.wait_stream(stream)
    return graph, found


def shared_pool(device: torch.device) -> Pool:
    """Memory for graphs that are replayed one after the other, and hold nothing in between."""
    return captures(device)[1].pool()


@cache
def captures(device: torch.device) -> tuple[torch.cuda.Stream, torch.cuda.CUDAGraph]:
    """The stream of all captures on a GPU, and a small graph that keeps the shared memory.

    Before the first, the library for products gets what it allocates for a stream, and for the
    thread of the way back; there the exponential starts a kernel before it, without which the
    library finds no GPU.
    """
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream()):
        with torch.inference_mode(False), torch.enable_grad():
            one = torch.ones(1, 1, device=device, requires_grad=True)
            one.mm(one).exp().sum().backward()
        small = torch.cuda.CUDAGraph()
        small.capture_begin()
        torch.zeros(1, device=device)
        small.capture_end()
        return torch.cuda.current_stream(), small
