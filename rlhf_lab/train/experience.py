"""What is known of a step's responses: their log-probs under π_old and the reference, KL, entropy.

A batch that several updates use is scored before the first. A batch that one update uses whole
needs no pass of π_old: until that update the policy is π_old, so its own pass tells log π_old.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rlhf_lab import processes
from rlhf_lab.diagnostics import compared
from rlhf_lab.logprobs import logprobs_of, sampling_logits
from rlhf_lab.masked import masked_mean, sum_over_tokens
from rlhf_lab.responses import Responses
from rlhf_lab.train.loop import Metrics
from rlhf_lab.train.micro_batches import over_rows
from rlhf_lab.train.rollout_config import RolloutConfig
from rlhf_lab.train.rollouts import responses_to, scored, scoring_settings

OfRow = Float[Tensor, "row token"]
Sides = tuple[OfRow, OfRow, OfRow]  # log π, with its gradient, log π_old and log ref


@dataclass(frozen=True)
class Experience:
    """Responses of π_old, the policy before an update, with log-probs, KL and entropy by token."""

    responses: Responses
    logprobs: Float[Tensor, "batch token"]
    """log π_old(y_t), scored as every later pass scores them, so that the first ratio is 1"""
    reference_logprobs: Float[Tensor, "batch token"]
    kl: Float[Tensor, "batch token"]
    """KL(π_old ‖ ref) after the tokens before t, over the whole vocabulary"""
    entropy: Float[Tensor, "batch token"]

    def metrics(self) -> Metrics:
        """KL and length of a response, entropy of a token; nats.

        The KL is that of each token's whole distribution: its mean has the expectation of the
        log-ratio's mean, never falls below 0, and has lighter tails.
        """
        mask = self.responses.mask
        kl = sum_over_tokens(self.kl, mask)
        return {
            "kl": kl.mean().clamp(min=0).item(),  # clamped: rounding can take it below 0
            "kl_median": kl.median().item(),
            "entropy": masked_mean(self.entropy, mask).item(),
            "tokens": mask.sum(dim=1).double().mean().item(),
        }


@torch.no_grad()
def sampled(
    policy: nn.Module,
    reference: nn.Module,
    prompts: Responses,
    config: RolloutConfig,
    generator: torch.Generator,
) -> Experience:
    """One response of the policy to each row's prompt, scored by policy and reference."""
    responses = responses_to(prompts, policy, config, generator)
    return scored_by_both(policy, reference, responses, config)


@torch.no_grad()
def scored_by_both(
    policy: nn.Module, reference: nn.Module, responses: Responses, config: RolloutConfig
) -> Experience:
    """What policy and reference hold of responses that the policy wrote."""
    settings = scoring_settings(config)

    def measured(rows: Tensor) -> Tensor:
        part = responses[rows]
        logits = sampling_logits(policy, part, **settings)
        return compared(logits, sampling_logits(reference, part, **settings), part.tokens)

    found = over_rows(measured, len(responses), config.micro_batch_size)
    return Experience(responses, *found.unbind(dim=1))


class Before:
    """π_old and the reference score the responses before the first update."""

    def __init__(
        self, policy: nn.Module, reference: nn.Module, responses: Responses, config: RolloutConfig
    ):
        self.policy, self.config = policy, config
        self.seen = scored_by_both(policy, reference, responses, config)

    def sides(self, row: Int[Tensor, "row"]) -> Sides:
        """These rows under the policy as it is, π_old and the reference."""
        new = scored(self.policy, self.seen.responses[row], self.config)
        return new, self.seen.logprobs[row], self.seen.reference_logprobs[row]

    def experience(self) -> Experience:
        """What was known before the first update."""
        return self.seen


class Within:
    """They score them within the only update, which asks for each row once."""

    def __init__(
        self, policy: nn.Module, reference: nn.Module, responses: Responses, config: RolloutConfig
    ):
        self.policy, self.reference = policy, reference
        self.responses, self.config = responses, config
        self.rows, self.found = [], []

    def sides(self, row: Int[Tensor, "row"]) -> Sides:
        """The same; log π_old is log π without its gradient, and the ratio is 1."""
        part, settings = self.responses[row], scoring_settings(self.config)
        logits = sampling_logits(self.policy, part, **settings)
        with torch.no_grad():
            others = sampling_logits(self.reference, part, **settings)
        found = compared(logits, others, part.tokens)
        self.rows.append(row)
        self.found.append(found)
        new = logprobs_of(self.policy, logits, part.tokens)
        return new, new.detach(), found[:, 1]

    def experience(self) -> Experience:
        """What the rows told, in the order of the responses; of several processes all rows."""
        found, rows = torch.cat(self.found), torch.cat(self.rows)
        whole = found.new_zeros(len(self.responses), *found.shape[1:])
        whole[rows] = found
        return Experience(self.responses, *processes.summed(whole).unbind(dim=1))


def scorer(
    policy: nn.Module, reference: nn.Module, responses: Responses, config: RolloutConfig
) -> Before | Within:
    """What gives the log-probs of the updates, and afterwards the experience that they used."""
    only_update = config.epochs * len(responses) == config.minibatch_size
    return (Within if only_update else Before)(policy, reference, responses, config)
