"""Single responses, each with a number that an annotator gave it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.responses import Index, Responses, checked_before


@dataclass(frozen=True)
class Labelled:
    """Responses and their targets: ratings or thumbs, from 0 (worst) to 1 (best).

    Raises ValueError where there is not one target, a float in 0..1, for each response.
    """

    responses: Responses
    targets: Float[Tensor, "batch"]

    def __post_init__(self):
        if not isinstance(self.targets, Tensor) or not self.targets.is_floating_point():
            got = getattr(self.targets, "dtype", type(self.targets).__name__)
            raise ValueError(f"targets must be a tensor of floats, got {got}; use .float()")
        if self.targets.shape != (len(self.responses),):
            raise ValueError(
                f"each of the {len(self.responses)} responses needs one target, "
                f"got targets of shape {tuple(self.targets.shape)}"
            )
        if not ((self.targets >= 0) & (self.targets <= 1)).all():
            raise ValueError("targets must lie in 0..1")

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, rows: Index) -> "Labelled":
        return checked_before(Labelled, (self.responses[rows], self.targets[rows]))

    def to(self, device: torch.device | str) -> "Labelled":
        """The same responses and targets on another device."""
        return checked_before(Labelled, (self.responses.to(device), self.targets.to(device)))
