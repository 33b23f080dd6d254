"""Group Relative Policy Optimization: the mean of a group of responses instead of a critic."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rlhf_lab import settings
from rlhf_lab.advantages import group_outcome_advantages, group_process_advantages
from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.diagnostics import clip_fraction
from rlhf_lab.losses import grpo_loss
from rlhf_lab.responses import Responses
from rlhf_lab.train import experience, rollouts, scores
from rlhf_lab.train.loop import Metrics, resumable, shuffled, trainable_parameters
from rlhf_lab.train.micro_batches import Update, slices
from rlhf_lab.train.reference import reference_of
from rlhf_lab.train.trust_region import kl_to_old
from rlhf_lab.training_state import TrainingState


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(rollouts.RolloutConfig):
    """Settings of one run. Defaults are those of Shao et al. 2024, section 4.2, but for sizes."""

    prompts_per_step: int = 8
    """prompts a step, drawn with replacement"""
    group_size: int = 8
    """G, responses to each of them (64 in the paper)"""
    beta: float = 0.04
    """β, weight of the KL to the reference, in the loss"""
    epsilon: float = 0.2
    """ε, clip of the probability ratio (the paper does not give it)"""
    advantages: Callable[[Tensor], Tensor] = group_outcome_advantages
    """from the rewards of a group; `centred_outcome_advantages` leaves out the std"""
    process_advantages: Callable[[Tensor, Tensor], Tensor] = group_process_advantages
    """from the rewards and ends of steps; `centred_process_advantages` leaves out the std"""
    epochs: int = 1
    learning_rate: float = 1e-6

    def __post_init__(self):
        super().__post_init__()
        settings.require_count(least=2, group_size=self.group_size)
        settings.require_count(prompts_per_step=self.prompts_per_step)
        settings.require_divisor(
            self.prompts_per_step * self.group_size, minibatch_size=self.minibatch_size
        )
        settings.require_not_negative(beta=self.beta)
        settings.require_positive(epsilon=self.epsilon)
        settings.require_callable(**settings.of(self, "advantages", "process_advantages"))


def train_grpo(
    policy: nn.Module,
    reward: scores.Reward,
    prompts: Sequence[Sequence[int]],
    config: GRPOConfig,
    *,
    reference: nn.Module | None = None,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Metrics]:
    """Outcome supervision: one reward a response; yields one dictionary of metrics a step.

    Â of every token = (r - mean r) / std r over the group of responses to one prompt. The policy
    is trained in place; `reference` is the policy as it is at the call unless given. The metrics
    "loss" and "grad_norm" are those of a step's last update. Errors are those of `train_ppo`.
    """

    def judged(responses: Responses) -> tuple[Tensor, Tensor]:
        rewards = scores.rewards_of(reward, responses)
        advantages = scores.of_groups(config.advantages, rewards.view(-1, config.group_size))
        return rewards, advantages.reshape(-1, 1).expand(responses.mask.shape)

    return _checked(policy, judged, prompts, config, reference, checkpoints)


def train_grpo_on_steps(
    policy: nn.Module,
    step_reward: scores.StepReward,
    prompts: Sequence[Sequence[int]],
    config: GRPOConfig,
    *,
    reference: nn.Module | None = None,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Metrics]:
    """Process supervision: one reward for each step of a response; otherwise as `train_grpo`.

    `step_reward` returns rewards (batch, token) and, true where a step ends, a mask of the same
    shape. Â of a token = Σ of the normalised rewards of the steps that end there or later (0 where
    a group has fewer than two). The metric "reward" is the mean over responses of their steps' sum.
    """

    def judged(responses: Responses) -> tuple[Tensor, Tensor]:
        rewards, ends = scores.step_rewards_of(step_reward, responses)
        groups = (len(rewards) // config.group_size, config.group_size, -1)
        steps = rewards.view(groups), ends.view(groups)
        advantages = scores.of_groups(config.process_advantages, *steps)
        return torch.where(ends, rewards, 0).sum(dim=1), advantages.reshape(ends.shape)

    return _checked(policy, judged, prompts, config, reference, checkpoints)


def _checked(policy, judged, prompts, config, reference, checkpoints) -> Iterator[Metrics]:
    reference = reference_of(policy, reference)
    batch = rollouts.prompt_batch(prompts, (policy, reference), config)
    optimizer = config.optimizer(trainable_parameters(policy), lr=config.learning_rate)
    state = TrainingState(
        modules={"policy": policy},
        optimizers={"policy": optimizer},
        generators={"run": torch.Generator().manual_seed(config.seed)},
        frozen={"reference": reference},
    )
    steps = resumable(config.steps, state, checkpoints)
    return _steps(state, steps, reference, judged, batch, config)


def _steps(state, steps, reference, judged, prompts, config) -> Iterator[Metrics]:
    policy, generator = state.modules["policy"], state.generators["run"]
    dtype = torch.promote_types(torch.float32, next(policy.parameters()).dtype)
    for step in steps:
        rows = torch.randint(len(prompts), (config.prompts_per_step,), generator=generator)
        groups = prompts[rows.repeat_interleave(config.group_size)]
        responses = rollouts.responses_to(groups, policy, config, generator)
        rewards, advantages = (x.to(dtype) for x in judged(responses))
        mask, scored = responses.mask, experience.scorer(policy, reference, responses, config)

        alike = torch.ones(len(mask), dtype=torch.long)
        for part in shuffled(len(mask), config.minibatch_size, config.epochs, generator):
            update = Update(state.optimizers["policy"], step=step)
            part = part.sort().values if config.micro_batch_size else part  # whole groups
            for row, share in slices(part, alike, config.micro_batch_size):
                loss = grpo_loss(
                    *scored.sides(row),
                    advantages[row],
                    mask[row],
                    epsilon=config.epsilon,
                    beta=config.beta,
                )
                update.add(share, {"loss": loss})
            rate = config.learning_rate * (1 - step / config.steps)
            updated = update.apply(learning_rate=rate, max_grad_norm=config.max_grad_norm)

        seen = scored.experience()
        metrics = {"step": step, "reward": rewards.mean().item()} | seen.metrics() | updated
        if config.measure_update:
            new, old = rollouts.scored_again(policy, responses, config), seen.logprobs
            clipped = clip_fraction(new, old, advantages, mask, epsilon=config.epsilon)
            metrics |= {"kl_to_old": kl_to_old(new, old, mask), "clip_fraction": clipped.item()}
        yield metrics
