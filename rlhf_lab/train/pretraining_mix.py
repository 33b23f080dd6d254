"""PPO-ptx: the loss of pretraining mixed into each update, against the alignment tax."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.logprobs import check_fits, response_logprobs
from rlhf_lab.losses import ppo_ptx_loss
from rlhf_lab.responses import Responses, trim
from rlhf_lab.settings import require_positive


@dataclass(frozen=True, kw_only=True)
class PretrainingMix:
    """Texts that the policy should go on predicting, and how much that weighs."""

    texts: Responses
    gamma: float
    """γ of PPO-ptx (27.8 in Ouyang et al. 2022): one nat a token of their loss costs γ"""

    def __post_init__(self):
        require_positive(gamma=self.gamma)

    def check_fits(self, policy: nn.Module) -> None:
        """Raise ValueError where the policy cannot read the texts."""
        check_fits(policy, self.texts)

    def added_to(
        self, loss: Float[Tensor, ""], policy: nn.Module, count: int, generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """`ppo_ptx_loss` on `count` texts drawn with replacement; at temperature 1."""
        rows = torch.randint(len(self.texts), (count,), generator=generator)
        texts = trim(self.texts[rows])
        logprobs = response_logprobs(policy, texts)
        return ppo_ptx_loss(loss, logprobs, texts.mask, gamma_ptx=self.gamma)
