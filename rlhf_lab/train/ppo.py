"""Proximal Policy Optimization of a language model, with the KL to the reference in the reward."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from rlhf_lab import settings
from rlhf_lab.advantages import gae, returns_of, token_rewards
from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.diagnostics import explained_variance
from rlhf_lab.kl import adapted_kl_coef, check_gain, k1
from rlhf_lab.logprobs import response_values
from rlhf_lab.losses import clipped_value_loss
from rlhf_lab.masked import whiten
from rlhf_lab.train import experience, rollouts, scores
from rlhf_lab.train.gradient_steps import move
from rlhf_lab.train.loop import Metrics, resumable, shuffled, trainable_parameters
from rlhf_lab.train.micro_batches import Update, slices
from rlhf_lab.train.pretraining_mix import PretrainingMix
from rlhf_lab.train.reference import critic_of, reference_of
from rlhf_lab.train.trust_region import Clipped, Penalised, check_measured
from rlhf_lab.training_state import TrainingState


@dataclass(frozen=True, kw_only=True)
class PPOConfig(rollouts.RolloutConfig):
    """Settings of one run. γ, λ, clips, epochs and rates are those of OpenAI's work of 2019."""

    batch_size: int = 64
    """responses a step, each to a prompt drawn with replacement"""
    beta: float = 0.1
    """β, weight of the KL to the reference, in the reward"""
    target_kl: float | None = None
    """KL to the reference that β is adapted to hold, nats a response; None: β stays"""
    horizon: int = 10_000
    """responses over which β adapts"""
    gamma: float = 1.0
    """γ, discount a token"""
    lam: float = 0.95
    """λ of the advantages: 0 is the one-step error, 1 the whole return"""
    normalise: Callable[[Tensor, Tensor], Tensor] = whiten
    """what is done to the advantages of a batch before the update"""
    trust_region: Clipped | Penalised = Clipped(epsilon=0.2)  # noqa: RUF009 (it is frozen)
    """how an update stays near the policy that wrote the responses"""
    value_epsilon: float = 0.2
    """the critic's clip"""
    critic_learning_rate: float = 1e-5
    """at the first step; it falls in a line to 0"""

    def __post_init__(self):
        super().__post_init__()
        settings.require_count(batch_size=self.batch_size, horizon=self.horizon)
        settings.require_divisor(self.batch_size, minibatch_size=self.minibatch_size)
        settings.require_not_negative(beta=self.beta)
        settings.require_callable(normalise=self.normalise)
        settings.require_share(gamma=self.gamma, lam=self.lam)
        settings.require_positive(**settings.of(self, "value_epsilon", "critic_learning_rate"))
        check_measured(self.trust_region, self.measure_update)
        if self.target_kl is not None:
            settings.require_positive(target_kl=self.target_kl, beta=self.beta)
            check_gain(self.batch_size / self.horizon)


def train_ppo(
    policy: nn.Module,
    reward: scores.Reward,
    prompts: Sequence[Sequence[int]],
    config: PPOConfig,
    *,
    reference: nn.Module | None = None,
    critic: nn.Module | None = None,
    pretraining: PretrainingMix | None = None,
    checkpoints: Checkpoints | None = None,
) -> Iterator[Metrics]:
    """Train `policy` in place; yields one dictionary of metrics a step, of the batch sampled in it.

    maximise E[r(x, y) - β log π(y|x)/ref(y|x)]: the penalty is part of each token's reward.
    `reference` is the policy as it is at the call and `critic` a new value model, unless given;
    with `pretraining` the loss is that of PPO-ptx, with `checkpoints` a broken run goes on. Losses
    and "grad_norm" are those of a step's last update. Raises ValueError before the first where
    settings, prompts, reward and models do not fit, FloatingPointError for what is not finite.
    """
    reference = reference_of(policy, reference)
    critic = critic_of(policy, reference, critic)
    batch = rollouts.prompt_batch(prompts, (policy, reference, critic), config)
    if pretraining is not None:
        pretraining.check_fits(policy)
    state = TrainingState(
        modules={"policy": policy, "critic": critic},
        optimizers={
            "policy": config.optimizer(trainable_parameters(policy), lr=config.learning_rate),
            "critic": config.optimizer(trainable_parameters(critic), lr=config.learning_rate),
        },
        generators={"run": torch.Generator().manual_seed(config.seed)},
        numbers={"beta": config.beta, "penalty": config.trust_region.first_penalty},
        frozen={"reference": reference},
    )
    steps = resumable(config.steps, state, checkpoints)
    return _steps(state, steps, reference, reward, batch, pretraining, config)


def _steps(state, steps, reference, reward, prompts, pretraining, config) -> Iterator[Metrics]:
    (policy, critic), generator = state.modules.values(), state.generators["run"]
    for step in steps:
        beta, penalty = state.numbers["beta"], state.numbers["penalty"]
        rows = torch.randint(len(prompts), (config.batch_size,), generator=generator)
        seen = experience.sampled(policy, reference, prompts[rows], config, generator)
        responses, old, mask = seen.responses, seen.logprobs, seen.responses.mask
        score = scores.rewards_of(reward, responses).to(old.dtype)
        values = rollouts.in_slices(partial(response_values, critic), responses, config)
        rewards = token_rewards(score, k1(old, seen.reference_logprobs), mask, beta=beta)
        raw = gae(rewards, values, mask, gamma=config.gamma, lam=config.lam)
        returns, advantages = returns_of(raw, values, mask), config.normalise(raw, mask)

        lengths, size, falling = mask.sum(dim=1), config.micro_batch_size, 1 - step / config.steps
        for part in shuffled(config.batch_size, config.minibatch_size, config.epochs, generator):
            update, fit = (
                Update(optimizer, step=step, whose=f"{name}'s ")
                for name, optimizer in state.optimizers.items()
            )
            if pretraining is not None:
                texts = pretraining.slices(len(part), size, generator)
            for row, share in slices(part, lengths, size):
                new = rollouts.scored(policy, responses[row], config)
                sides = new, old[row], advantages[row], mask[row]
                loss = config.trust_region.loss(*sides, penalty)
                if pretraining is not None:
                    loss = pretraining.added_to(loss, share, policy, *next(texts))
                update.add(share, {"loss": loss})
                new = response_values(critic, responses[row])
                sides = new, values[row], returns[row], mask[row]
                fit.add(share, {"loss": clipped_value_loss(*sides, epsilon=config.value_epsilon)})
            updated, fitted = (x.clip(max_grad_norm=config.max_grad_norm) for x in (update, fit))
            move(update.optimizer, learning_rate=falling * config.learning_rate)  # both are finite
            move(fit.optimizer, learning_rate=falling * config.critic_learning_rate)

        metrics = {"step": step, "reward": score.mean().item(), "beta": beta} | seen.metrics()
        if config.target_kl is not None:
            target = {"target_kl": config.target_kl, "gain": config.batch_size / config.horizon}
            state.numbers["beta"] = adapted_kl_coef(beta, metrics["kl"], **target)
        if config.measure_update:
            new = rollouts.scored_again(policy, responses, config)
            metrics |= config.trust_region.metrics(new, old, advantages, mask, penalty)
            state.numbers["penalty"] = config.trust_region.adapted(penalty, metrics["kl_to_old"])
        metrics |= updated | {"value_loss": fitted["loss"]}
        yield metrics | {"explained_variance": explained_variance(values, returns, mask).item()}
