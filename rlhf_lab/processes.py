"""One run in several processes, which `accelerate launch` starts; alone, each function is trivial.

Every process holds all models and draws the same random numbers, so that it knows every batch. It
computes its own rows of it, and sums over the processes put the parts together: how many there are
changes no result, but for the last bits of sums. All must call the same functions in one order.
"""

import os

import torch
from jaxtyping import Shaped
from torch import Tensor


def count() -> int:
    """How many processes there are: WORLD_SIZE, which the launcher sets, else 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process is the one that writes files and shows progress."""
    return int(os.environ.get("RANK", "0")) == 0


def own(total: int) -> slice:
    """This process's rows of `total`: neighbours, and at most one more than any other's.

    Raises ValueError where there are fewer rows than processes.
    """
    if total < count():
        raise ValueError(
            f"{count()} processes cannot share {total} rows: each needs one at least; "
            "make the batch larger or start fewer processes"
        )
    rank = int(os.environ.get("RANK", "0"))
    return slice(total * rank // count(), total * (rank + 1) // count())


def summed(x: Shaped[Tensor, "*item"]) -> Shaped[Tensor, "*item"]:
    """The sum over the processes of what each gives, elementwise; whole numbers where x is bool.

    The first call connects the processes. Raises ImportError without Accelerate.
    """
    x = x.long() if x.dtype == torch.bool else x
    if count() == 1:
        return x
    try:
        from accelerate import PartialState
        from accelerate.utils import reduce
    except ImportError as error:
        raise ImportError("several processes need Accelerate: pip install accelerate") from error
    PartialState(cpu=not torch.cuda.is_available())
    return reduce(x, reduction="sum")


def whole(part: Shaped[Tensor, "row *rest"], total: int) -> Shaped[Tensor, "total *rest"]:
    """The rows of all processes in their order, where each gives its `own(total)`."""
    rows = part.new_zeros(total, *part.shape[1:])
    rows[own(total)] = part
    return summed(rows).to(part.dtype)


def gpu() -> torch.device:
    """This process's GPU: that of its number on this machine, which the launcher sets."""
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
