"""What PPO and GRPO share: prompts, responses of the current policy, and what is known of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab import processes
from rlhf_lab.compatibility import check_positions
from rlhf_lab.diagnostics import compared
from rlhf_lab.logprobs import response_logprobs, sampling_logits
from rlhf_lab.masked import masked_mean, sum_over_tokens
from rlhf_lab.responses import Responses, pad, trim
from rlhf_lab.sampling import check_sampling, sample
from rlhf_lab.settings import of
from rlhf_lab.train.loop import Metrics
from rlhf_lab.train.micro_batches import over_rows
from rlhf_lab.train.rollout_config import RolloutConfig


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


def prompt_batch(
    prompts: Sequence[Sequence[int]], models: Sequence[nn.Module], config: RolloutConfig
) -> Responses:
    """The prompts, left-padded, each with one token where its response will stand.

    Raises ValueError for no prompts, and where one of the models could not answer them.
    """
    if len(prompts) == 0:
        raise ValueError("the list of prompts is empty: there is nothing to respond to")
    batch = pad(prompts, [[0]] * len(prompts))
    device = next(models[0].parameters()).device
    batch = batch.to(device)
    for model in models:
        check_sampling(
            model,
            batch.prompts,
            batch.prompt_mask,
            max_tokens=config.max_tokens,
            **scoring_settings(config),
        )
        check_positions(model, batch)
    return batch


@torch.no_grad()
def experience(
    policy: nn.Module,
    reference: nn.Module,
    prompts: Responses,
    config: RolloutConfig,
    generator: torch.Generator,
) -> Experience:
    """One response of the policy to each row's prompt, scored by policy and reference."""
    settings = scoring_settings(config)
    responses = responses_to(prompts, policy, config, generator)

    def measured(rows: Tensor) -> Tensor:
        part = responses[rows]
        logits = sampling_logits(policy, part, **settings)
        return compared(logits, sampling_logits(reference, part, **settings), part.tokens)

    found = over_rows(measured, len(prompts), config.micro_batch_size)
    return Experience(responses, *found.unbind(dim=1))


def responses_to(
    prompts: Responses, policy: nn.Module, config: RolloutConfig, generator: torch.Generator
) -> Responses:
    """One response to each row's prompt; of several processes each samples its own rows.

    Columns that none of these rows uses, as where a longer prompt was not drawn, are left out.
    """
    prompts = trim(prompts)
    own = sample(
        policy,
        prompts.prompts,
        prompts.prompt_mask,
        max_tokens=config.max_tokens,
        generator=generator,
        rows=processes.own(len(prompts)),
        **scoring_settings(config),
    ).responses
    answers = (processes.whole(array, len(prompts)) for array in (own.tokens, own.mask))
    return Responses(prompts.prompts, prompts.prompt_mask, *answers)


@torch.no_grad()
def in_slices(
    per_token: Callable[[Responses], Float[Tensor, "row token"]],
    responses: Responses,
    config: RolloutConfig,
) -> Float[Tensor, "batch token"]:
    """per_token(responses) without gradient, a micro-batch at a time: log-probs, or values."""
    size = config.micro_batch_size
    return over_rows(lambda rows: per_token(responses[rows]), len(responses), size)


def scored(
    policy: nn.Module, responses: Responses, config: RolloutConfig
) -> Float[Tensor, "batch token"]:
    """log π(y_t) under the distribution that the responses were drawn from."""
    return response_logprobs(policy, responses, **scoring_settings(config))


def scored_again(
    policy: nn.Module, responses: Responses, config: RolloutConfig
) -> Float[Tensor, "batch token"]:
    """The same after the updates of a step, without gradient: a pass forward."""
    return in_slices(lambda part: scored(policy, part, config), responses, config)


def scoring_settings(config: RolloutConfig) -> dict:
    """The settings of `response_logprobs` that say which distribution responses come from."""
    return of(config, "temperature", "min_tokens", "end_token")
