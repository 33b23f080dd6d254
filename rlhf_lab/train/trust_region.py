"""Two ways to stay near the old policy during one update: clip the ratio, or penalise the KL."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.diagnostics import clip_fraction, share_outside
from rlhf_lab.kl import doubled_or_halved, k3
from rlhf_lab.losses import clipped_policy_loss, penalised_policy_loss
from rlhf_lab.masked import masked_mean
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
    target_kl: ClassVar[None] = None

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
        """`kl_to_old`, and the shares of tokens without gradient after a step, and outside."""
        share = clip_fraction(logprobs, old_logprobs, advantages, mask, epsilon=self.epsilon)
        outside = share_outside(logprobs, old_logprobs, mask, epsilon=self.epsilon)
        kl = kl_to_old(logprobs, old_logprobs, mask)
        return {"clip_fraction": share.item(), "outside": outside.item(), "kl_to_old": kl}


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
        """`kl_to_old`, and the β of this step."""
        return {"penalty": penalty, "kl_to_old": kl_to_old(logprobs, old_logprobs, mask)}


def check_measured(trust_region: object, measured: bool) -> None:
    """Raise ValueError for no trust region, or a penalty adapted to a KL that is not measured."""
    if not isinstance(trust_region, Clipped | Penalised):
        raise ValueError(
            "trust_region must be Clipped(epsilon=...) or Penalised(first_penalty=...), got "
            f"{trust_region!r}"
        )
    if trust_region.target_kl is not None and not measured:
        raise ValueError(
            "a trust region that adapts its penalty needs the KL of each update: leave "
            "measure_update on, or set the region's target_kl to None"
        )


def kl_to_old(logprobs: Tokens, old_logprobs: Tokens, mask: Mask) -> float:
    """KL(π_old ‖ π) of a token, by k3; not below 0, where rounding can take it."""
    return masked_mean(k3(old_logprobs, logprobs), mask).clamp(min=0).item()
