"""Two ways to stay near the old policy during one update: clip the ratio, or penalise the KL."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.diagnostics import clip_fraction, share_outside
from rlhf_lab.kl import doubled_or_halved
from rlhf_lab.losses import clipped_policy_loss, penalised_policy_loss
from rlhf_lab.settings import require_not_negative, require_positive
from rlhf_lab.train.loop import Metrics

Tokens = Float[Tensor, "batch token"]
Mask = Bool[Tensor, "batch token"]


@dataclass(frozen=True, kw_only=True)
class Clipped:
    """PPO's clipped surrogate. It has no penalty: the argument of that name is not used."""

    epsilon: float
    """ε: no reason to move the probability ratio out of 1-ε .. 1+ε"""
    first_penalty: ClassVar[float] = 0.0

    def __post_init__(self):
        require_positive(epsilon=self.epsilon)

    def loss(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
    ) -> Float[Tensor, ""]:
        """`clipped_policy_loss` at this ε."""
        return clipped_policy_loss(logprobs, old_logprobs, advantages, mask, epsilon=self.epsilon)

    def adapted(self, penalty: float, kl_to_old: float) -> float:
        """The penalty as it was."""
        return penalty

    def metrics(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
    ) -> Metrics:
        """The shares of tokens that a step's updates have left without gradient, and outside."""
        share = clip_fraction(logprobs, old_logprobs, advantages, mask, epsilon=self.epsilon)
        outside = share_outside(logprobs, old_logprobs, mask, epsilon=self.epsilon)
        return {"clip_fraction": share.item(), "outside": outside.item()}


@dataclass(frozen=True, kw_only=True)
class Penalised:
    """TRPO's penalty on KL(π_old ‖ π), with PPO's adaptive coefficient or a fixed one."""

    first_penalty: float
    """β of the KL to the *old* policy, in the loss, at the first step; not that to the reference"""
    target_kl: float | None
    """d_targ, nats a token and step; None leaves β as it is, as in TRPO's penalty form"""

    def __post_init__(self):
        require_not_negative(first_penalty=self.first_penalty)
        if self.target_kl is not None:
            require_positive(target_kl=self.target_kl, first_penalty=self.first_penalty)

    def loss(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
    ) -> Float[Tensor, ""]:
        """`penalised_policy_loss` at β = penalty."""
        return penalised_policy_loss(logprobs, old_logprobs, advantages, mask, beta=penalty)

    def adapted(self, penalty: float, kl_to_old: float) -> float:
        """The β of the next step: doubled, halved or kept by `doubled_or_halved`."""
        if self.target_kl is None:
            return penalty
        return doubled_or_halved(penalty, kl_to_old, target_kl=self.target_kl)

    def metrics(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
    ) -> Metrics:
        """The β of this step."""
        return {"penalty": penalty}
