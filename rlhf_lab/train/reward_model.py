"""Reward models: fit a network to feedback of any kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.compatibility import check_fits
from rlhf_lab.feedback.labelled import Labelled
from rlhf_lab.feedback.ranked import Ranked
from rlhf_lab.settings import (
    require_callable,
    require_count,
    require_count_or_none,
    require_not_negative,
    require_positive,
    require_seed,
)
from rlhf_lab.train.loop import Metrics, minibatches, resumable, trainable_parameters, warmed_up
from rlhf_lab.train.micro_batches import Update, slices
from rlhf_lab.training_state import TrainingState

Feedback = Ranked | Labelled
Loss = Callable[[nn.Module, Feedback], Float[Tensor, ""]]


@dataclass(frozen=True, kw_only=True)
class RewardModelConfig:
    """Settings of one run. One pass over the data, steps = size / batch_size, overfits least."""

    steps: int
    batch_size: int = 32
    """elements an update: a ranking counts once, however many responses it has"""
    micro_batch_size: int | None = None
    """elements in memory at a time, which changes no result; None: all of them"""
    learning_rate: float = 1e-3
    """of two lines the lower: up to it in the warm-up, and from it at the start to 0 at the end"""
    warmup_steps: int = 5
    max_grad_norm: float = 1.0
    weight_decay: float = 0.0
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW
    """made with the parameters, `lr` and `weight_decay`"""
    seed: int = 0

    def __post_init__(self):
        require_count(steps=self.steps, batch_size=self.batch_size)
        require_count_or_none(micro_batch_size=self.micro_batch_size)
        require_count(least=0, warmup_steps=self.warmup_steps)
        require_seed(seed=self.seed)
        require_positive(learning_rate=self.learning_rate, max_grad_norm=self.max_grad_norm)
        require_not_negative(weight_decay=self.weight_decay)
        require_callable(optimizer=self.optimizer)


def train_reward_model(
    model: nn.Module,
    feedback: Feedback,
    config: RewardModelConfig,
    loss: Loss,
    *,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Metrics]:
    """Train `model` in place; yields one dictionary of metrics a step, measured before the step.

    `loss(model, batch)`, a mean over the batch, is one of `rlhf_lab.rewards.losses` and must fit
    the kind of feedback. With `checkpoints` a run that was broken off goes on. Raises ValueError
    before the first step where settings, data and model do not fit, or the trunk is frozen;
    FloatingPointError where the loss is not finite.
    """
    if not isinstance(feedback, Feedback):
        raise ValueError(
            f"feedback must be Ranked or Labelled, got {type(feedback).__name__}; "
            "rlhf_lab.feedback.ranked.ranked_pairs makes Preferences Ranked"
        )
    check_fits(model, feedback.responses)
    generator = torch.Generator().manual_seed(config.seed)
    batches = minibatches(
        len(feedback), batch_size=config.batch_size, steps=config.steps, generator=generator
    )
    optimizer = config.optimizer(
        parameters_that_learn(model), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    state = TrainingState(modules={"model": model}, optimizers={"model": optimizer})
    steps = resumable(config.steps, state, checkpoints)
    return _steps(model, feedback, config, loss, list(batches), optimizer, steps)


def _steps(model, feedback, config, loss, batches, optimizer, steps) -> Iterator[Metrics]:
    alike = torch.ones(len(feedback), dtype=torch.long)
    for step in steps:
        update = Update(optimizer, step=step)
        for rows, share in slices(batches[step], alike, config.micro_batch_size):
            update.add(share, {"loss": loss(model, feedback[rows])})
        rising = warmed_up(config.learning_rate, step=step, warmup_steps=config.warmup_steps)
        learning_rate = min(rising, config.learning_rate * (1 - step / config.steps))
        metrics = update.apply(learning_rate=learning_rate, max_grad_norm=config.max_grad_norm)
        yield {"step": step} | metrics


def parameters_that_learn(model: nn.Module) -> list[nn.Parameter]:
    """Those that are not frozen. ValueError where no weight of the trunk learns, under its head.

    A copy of a frozen model is frozen, and a head on it would still lower the loss a little, so
    that nobody would notice. Adapters in a frozen trunk, as LoRA's, are weights of the trunk.
    """
    trunk = getattr(model, "trunk", model)
    if not any(weight.requires_grad for weight in trunk.parameters()):
        raise ValueError(
            "every weight of the reward model's trunk is frozen, so that its head alone would "
            "learn; a copy of a frozen model is frozen too: make the model with "
            "rlhf_lab.rewards.networks.reward_model"
        )
    return trainable_parameters(model)
