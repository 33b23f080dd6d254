"""PPO's penalty as the paper has it: the KL over all tokens, not at those sampled alone.

A training loop hands a trust region log-probs of sampled tokens only. So this one watches what the
policy is given to read, and reads it twice more: with the policy, and as the policy was before the
step. That costs time, and is for comparison.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.kl import exact_kl
from rlhf_lab.losses import penalised_policy_loss
from rlhf_lab.masked import masked_mean
from rlhf_lab.models import frozen_copy
from rlhf_lab.train.scores import Reward
from rlhf_lab.train.trust_region import Mask, Penalised, Tokens


class Watched:
    """A policy, what it was before the step, and what it was last given to learn from."""

    def __init__(self, policy: nn.Module):
        self.policy, self.old, self.inputs = policy, frozen_copy(policy), None
        policy.register_forward_pre_hook(self.given, with_kwargs=True)

    def given(self, _module, _arguments, inputs: dict) -> None:
        """Keep the inputs of a pass that is to learn."""
        if torch.is_grad_enabled():
            self.inputs = inputs

    def before(self, reward: Reward) -> Reward:
        """The same reward. It is asked once a step, before the updates: then the old policy is."""

        def judged(responses):
            self.old.load_state_dict(self.policy.state_dict())
            return reward(responses)

        return judged

    def kl(self) -> Float[Tensor, "batch token"]:
        """KL(π_old ‖ π) at each token of the last pass, over the whole vocabulary."""
        new = self.policy.forward(**self.inputs).logits
        with torch.no_grad():
            old = self.old(**self.inputs).logits
        kept = self.inputs["logits_to_keep"]
        return exact_kl(old[:, -kept:], new[:, -kept:])


@dataclass(frozen=True, kw_only=True)
class PenalisedOverAll(Penalised):
    """`Penalised`, with the KL over all tokens in the loss; its β adapts to k3 as there."""

    watched: Watched = field(repr=False)

    def loss(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
    ) -> Float[Tensor, ""]:
        """-mean over all real tokens of ρ_t Â_t - β KL_t (Schulman et al. 2017, Eq. 8)."""
        surrogate = penalised_policy_loss(logprobs, old_logprobs, advantages, mask, beta=0.0)
        return surrogate + penalty * masked_mean(self.watched.kl(), mask)
