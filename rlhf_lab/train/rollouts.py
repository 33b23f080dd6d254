"""What PPO and GRPO share: prompts, responses of the current policy, and what is known of them."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab import processes
from rlhf_lab.compatibility import check_positions
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.responses import Responses, pad, trim
from rlhf_lab.sampling import check_sampling, sample
from rlhf_lab.settings import of
from rlhf_lab.train.micro_batches import over_rows
from rlhf_lab.train.rollout_config import RolloutConfig


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
