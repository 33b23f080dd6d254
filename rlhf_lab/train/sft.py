"""Supervised fine-tuning, and pretraining: raise the likelihood of given responses."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.compatibility import check_fits
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.losses import next_token_loss
from rlhf_lab.responses import Responses, trim
from rlhf_lab.settings import (
    require_count,
    require_count_or_none,
    require_kind,
    require_positive,
    require_seed,
)
from rlhf_lab.train.loop import Metrics, resumable, trainable_parameters, warmed_up
from rlhf_lab.train.micro_batches import Update, slices
from rlhf_lab.training_state import TrainingState

POOL = 32  # batches that are sorted by length together


@dataclass(frozen=True, kw_only=True)
class SFTConfig:
    """Settings of one run."""

    steps: int
    batch_size: int = 32
    """responses an update"""
    micro_batch_size: int | None = None
    """responses in memory at a time, which changes no result; None: all of them"""
    learning_rate: float = 3e-3
    """of two lines the lower: up to it in the warm-up, and from it at the start to 0 at the end"""
    warmup_steps: int = 50
    max_grad_norm: float = 1.0
    seed: int = 0

    def __post_init__(self):
        require_count(steps=self.steps, batch_size=self.batch_size)
        require_count_or_none(micro_batch_size=self.micro_batch_size)
        require_count(least=0, warmup_steps=self.warmup_steps)
        require_seed(seed=self.seed)
        require_positive(learning_rate=self.learning_rate, max_grad_norm=self.max_grad_norm)


def train_sft(
    policy: nn.Module,
    responses: Responses,
    config: SFTConfig,
    *,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Metrics]:
    """Train `policy` in place on responses; yields one dictionary of metrics a step.

    loss = -mean log π(y_t | x, y_<t) over the batch's real response tokens, in nats a token.
    With `checkpoints` a run that was broken off goes on. Raises ValueError before the first step
    where settings, data and model do not fit, and FloatingPointError where the loss is not finite.
    """
    require_kind(Responses, responses=responses)
    check_fits(policy, responses)
    generator = torch.Generator().manual_seed(config.seed)
    batches = _batches_of_like_length(responses, config, generator)
    optimizer = torch.optim.AdamW(
        trainable_parameters(policy), lr=config.learning_rate, weight_decay=0.0
    )
    state = TrainingState(modules={"policy": policy}, optimizers={"policy": optimizer})
    steps = resumable(config.steps, state, checkpoints)
    return _steps(policy, responses, config, list(batches), optimizer, steps)


def _steps(policy, responses, config, batches, optimizer, steps) -> Iterator[Metrics]:
    lengths = responses.mask.sum(dim=1)
    for step in steps:
        update = Update(optimizer, step=step)
        for rows, share in slices(batches[step], lengths, config.micro_batch_size):
            batch = trim(responses[rows])
            update.add(
                share, {"loss": next_token_loss(response_logprobs(policy, batch), batch.mask)}
            )
        rising = warmed_up(config.learning_rate, step=step, warmup_steps=config.warmup_steps)
        learning_rate = min(rising, config.learning_rate * (1 - step / config.steps))
        metrics = update.apply(learning_rate=learning_rate, max_grad_norm=config.max_grad_norm)
        yield {"step": step} | metrics


def _batches_of_like_length(
    responses: Responses, config: SFTConfig, generator: torch.Generator
) -> Iterator[Tensor]:
    """Minibatches sorted by length within a pool, so that little is computed on padding.

    Each epoch is a new order of all rows, cut into pools of up to 32 batches; what is left over
    when the rows are no multiple of the batch, less than one batch an epoch, is left out.
    """
    size, batch_size = len(responses), config.batch_size
    if not 1 <= batch_size <= size:
        raise ValueError(f"batch_size must lie in 1..{size}, the number of rows, got {batch_size}")
    lengths = responses.mask.sum(dim=1).cpu()
    return islice(_endless_batches(lengths, batch_size, generator), config.steps)


def _endless_batches(lengths, batch_size, generator) -> Iterator[Tensor]:
    used = len(lengths) // batch_size * batch_size
    while True:
        for pool in torch.randperm(len(lengths), generator=generator)[:used].split(
            POOL * batch_size
        ):
            batches = pool[lengths[pool].argsort()].split(batch_size)
            for number in torch.randperm(len(batches), generator=generator):
                yield batches[number]
