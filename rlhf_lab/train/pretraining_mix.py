"""PPO-ptx: the loss of pretraining mixed into each update, against the alignment tax."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.compatibility import check_fits
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.losses import ppo_ptx_loss
from rlhf_lab.responses import Responses, trim
from rlhf_lab.settings import require_kind, require_positive
from rlhf_lab.train.micro_batches import slices


@dataclass(frozen=True, kw_only=True)
class PretrainingMix:
    """Texts that the policy should go on predicting, and how much that weighs."""

    texts: Responses
    gamma: float
    """γ of PPO-ptx (27.8 in Ouyang et al. 2022): one nat a token of their loss costs γ"""

    def __post_init__(self):
        require_positive(gamma=self.gamma)
        require_kind(Responses, texts=self.texts)

    def check_fits(self, policy: nn.Module) -> None:
        """Raise ValueError where the policy cannot read the texts."""
        check_fits(policy, self.texts)

    def slices(
        self, count: int, size: int | None, generator: torch.Generator
    ) -> Iterator[tuple[Responses, float]]:
        """`count` texts drawn with replacement, `size` at a time, each with its share of tokens."""
        rows = torch.randint(len(self.texts), (count,), generator=generator)
        for part, share in slices(rows, self.texts.mask.sum(dim=1), size):
            yield trim(self.texts[part]), share

    def added_to(
        self,
        loss: Float[Tensor, ""],
        share: float,
        policy: nn.Module,
        texts: Responses,
        weight: float,
    ) -> Float[Tensor, ""]:
        """`ppo_ptx_loss` of a slice of PPO's batch and one of the texts; at temperature 1.

        γ · weight / share, so that each slice counts by the share of its own tokens.
        """
        logprobs = response_logprobs(policy, texts)
        return ppo_ptx_loss(loss, logprobs, texts.mask, gamma_ptx=self.gamma * weight / share)
