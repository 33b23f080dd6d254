"""Direct Preference Optimization: fit the policy to comparisons by classification."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab import settings
from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.compatibility import check_fits
from rlhf_lab.feedback.ranked import stacked
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.losses import dpo_loss, implicit_reward
from rlhf_lab.preferences import preference_accuracy
from rlhf_lab.responses import Preferences, trim
from rlhf_lab.train.loop import Metrics, minibatches, resumable, trainable_parameters, warmed_up
from rlhf_lab.train.micro_batches import Update, over_rows, slices
from rlhf_lab.train.reference import check_reference
from rlhf_lab.training_state import TrainingState


@dataclass(frozen=True, kw_only=True)
class DPOConfig:
    """Settings of one run. The defaults are those of Rafailov et al. 2023, appendix B."""

    steps: int
    """number of updates"""
    batch_size: int = 64
    """pairs an update"""
    micro_batch_size: int | None = None
    """pairs in memory at a time, which changes no result; None: all of them"""
    beta: float = 0.1
    """β, strength of the pull to the reference: larger stays closer"""
    learning_rate: float = 1e-6
    warmup_steps: int = 150
    """steps in which the learning rate rises to its value"""
    max_grad_norm: float = 10.0
    """the gradient is scaled down to this norm (10 in the authors' code)"""
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.RMSprop
    seed: int = 0

    def __post_init__(self):
        settings.require_count(**settings.of(self, "steps", "batch_size"))
        settings.require_count_or_none(micro_batch_size=self.micro_batch_size)
        settings.require_count(least=0, warmup_steps=self.warmup_steps)
        settings.require_seed(seed=self.seed)
        settings.require_positive(**settings.of(self, "beta", "learning_rate", "max_grad_norm"))
        settings.require_callable(optimizer=self.optimizer)


def train_dpo(
    policy: nn.Module,
    reference: nn.Module,
    preferences: Preferences,
    config: DPOConfig,
    *,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Metrics]:
    """Train `policy` in place; yields one dictionary of metrics a step, measured before the step.

    loss = -mean log σ(r̂_chosen - r̂_rejected), r̂ = β [log π(y|x) - log ref(y|x)].
    With `checkpoints` a run that was broken off goes on. Raises ValueError before the first step
    where settings, data and models do not fit, and FloatingPointError where the loss is not finite.
    """
    settings.require_kind(Preferences, preferences=preferences)
    check_reference(policy, reference)
    for responses in (preferences.chosen, preferences.rejected):
        check_fits(policy, responses)
        check_fits(reference, responses)
    generator = torch.Generator().manual_seed(config.seed)
    batches = minibatches(
        len(preferences),
        batch_size=config.batch_size,
        steps=config.steps,
        generator=generator,
    )
    optimizer = config.optimizer(trainable_parameters(policy), lr=config.learning_rate)
    state = TrainingState(
        modules={"policy": policy},
        optimizers={"policy": optimizer},
        frozen={"reference": reference},
    )
    steps = resumable(config.steps, state, checkpoints)
    return _steps(state, steps, reference, preferences, config, list(batches))


def _steps(state, steps, reference, preferences, config, batches) -> Iterator[Metrics]:
    policy, optimizer = state.modules["policy"], state.optimizers["policy"]
    alike = torch.ones(len(preferences), dtype=torch.long)
    known = None  # of the reference, which never changes: computed once, and not once a step
    for step in steps:
        if known is None:
            drawn, size = torch.cat(batches).unique(), config.micro_batch_size
            known = _logprobs_of(drawn, reference, preferences, size or config.batch_size)
        update = Update(optimizer, step=step)
        for rows, share in slices(batches[step], alike, config.micro_batch_size):
            reference_chosen, reference_rejected = known[rows].unbind(dim=1)
            chosen, rejected = pair_logprobs(policy, preferences[rows])
            chosen_reward = implicit_reward(chosen, reference_chosen, beta=config.beta)
            rejected_reward = implicit_reward(rejected, reference_rejected, beta=config.beta)
            means = {
                "loss": dpo_loss(chosen_reward, rejected_reward),
                "accuracy": preference_accuracy(chosen_reward, rejected_reward),
                "margin": (chosen_reward - rejected_reward).mean(),
                "chosen_reward": chosen_reward.mean(),
                "rejected_reward": rejected_reward.mean(),
                "chosen_logprob": chosen.mean(),
                "rejected_logprob": rejected.mean(),
            }
            update.add(share, means)
        learning_rate = warmed_up(config.learning_rate, step=step, warmup_steps=config.warmup_steps)
        metrics = update.apply(learning_rate=learning_rate, max_grad_norm=config.max_grad_norm)
        yield {"step": step} | metrics


def pair_logprobs(
    model: nn.Module, pairs: Preferences
) -> tuple[Float[Tensor, "pair"], Float[Tensor, "pair"]]:
    """log π(y|x) of chosen and of rejected; in one pass where that computes their prompt once."""
    sides = pairs.chosen, pairs.rejected
    if isinstance(model, GPT2):
        return sequence_logprobs(model, trim(stacked(sides))).chunk(2)
    return tuple(sequence_logprobs(model, trim(side)) for side in sides)


@torch.no_grad()
def _logprobs_of(drawn: Tensor, model: nn.Module, pairs: Preferences, size: int) -> Tensor:
    """log π of chosen and rejected, one row a pair; NaN for pairs that no batch of the run holds.

    Of all its batches, also in a run that goes on, so that each number has the same last bits.
    """

    def of(numbers: Tensor) -> Tensor:
        return torch.stack(pair_logprobs(model, pairs[drawn[numbers]]), dim=1)

    found = over_rows(of, len(drawn), size)
    table = found.new_full((len(pairs), 2), torch.nan)
    table[drawn] = found
    return table
