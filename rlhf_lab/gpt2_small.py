"""Every algorithm of the book on GPT-2-small: the settings of a run, one function each.

They are those of the papers where these give them, but for the learning rates: of 1, 3 and 10 times
1e-5 (DPO: half of that) those that did most on seed 100 of the review world and spoilt no text.
`micro_batch_size` bounds the memory; the most is needed by PPO: three models and two sets of
gradients and moments, about 5.5 GB in float32.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch

from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.gpt2_sampling import Size, comparisons, samples
from rlhf_lab.gpt2_tasks import Task
from rlhf_lab.models import frozen_copy
from rlhf_lab.rewards.functions import as_reward
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.settings import of, require_divisor
from rlhf_lab.train.dpo import DPOConfig, train_dpo
from rlhf_lab.train.grpo import GRPOConfig, train_grpo, train_grpo_on_steps
from rlhf_lab.train.loop import Metrics
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.pretraining_mix import PretrainingMix
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.train.trust_region import Penalised

RATE = 3e-5  # of PPO, its critic, and GRPO
WARMUP = {"warmup_steps": 10}


@dataclass(frozen=True)
class Training:
    """A run, and what the model writes now: called before the run and after it."""

    run: Iterator[Metrics]
    samples: Callable[[], list[str]]


Algorithm = Callable[[Task, Size, Checkpoints | None], Training]


def sft(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """Supervised training on the task's texts."""
    config = SFTConfig(learning_rate=1e-4, batch_size=size.batch_size, **WARMUP, **size.shared())
    run = train_sft(task.policy, task.texts, config, checkpoints=checkpoints)
    return Training(run, lambda: samples(task))


def reward_model_on_pairs(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """A reward model of comparisons of the policy's own responses; its samples are scores."""
    pairs, model = comparisons(task, size), reward_model(task.policy, seed=size.seed)
    config = RewardModelConfig(
        learning_rate=1e-4, batch_size=size.batch_size, **WARMUP, **size.shared()
    )
    data = ranked_pairs(pairs)
    run = train_reward_model(model, data, config, pairwise_loss, checkpoints=checkpoints)

    def scores() -> list[str]:
        rewards = as_reward(response_rewards, model, batch_size=size.micro_batch_size)
        shown = data[: min(3, len(data))].responses
        rows = zip(rewards(shown).tolist(), task.written(shown), strict=True)
        return [f"{reward:+.2f}  {text}" for reward, text in rows]

    return Training(run, scores)


def dpo(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """DPO on such comparisons."""
    pairs, reference = comparisons(task, size), frozen_copy(task.policy)
    config = DPOConfig(learning_rate=1.5e-5, batch_size=size.batch_size, **WARMUP, **size.shared())
    run = train_dpo(task.policy, reference, pairs, config, checkpoints=checkpoints)
    return Training(run, lambda: samples(task))


def ppo(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """PPO with the other settings of OpenAI's GPT-2 work of 2019."""
    return _ppo(task, _ppo_config(task, size), None, checkpoints)


def ppo_adaptive(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """Two penalties in place of the clip, both adapted: on KL to the reference, 6 nats a response,
    and to the old policy, 0.01 nats a token."""
    region = Penalised(first_penalty=1.0, target_kl=0.01)
    config = replace(_ppo_config(task, size), beta=0.15, target_kl=6.0, trust_region=region)
    return _ppo(task, config, None, checkpoints)


def ppo_ptx(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """PPO with the likelihood of the task's texts mixed in."""
    mix = PretrainingMix(texts=task.texts, gamma=0.5)
    return _ppo(task, _ppo_config(task, size), mix, checkpoints)


def grpo(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """GRPO, a reward a response."""
    config = _grpo_config(task, size)
    run = train_grpo(task.policy, task.reward, task.prompts, config, checkpoints=checkpoints)
    return Training(run, lambda: samples(task))


def grpo_process(task: Task, size: Size, checkpoints: Checkpoints | None) -> Training:
    """GRPO, a reward a step. Raises ValueError for a task whose steps nobody judges."""
    if task.step_reward is None:
        raise ValueError(f"grpo-process needs a reward for each step, and {task.name} has none")
    config, judge = _grpo_config(task, size), task.step_reward
    run = train_grpo_on_steps(task.policy, judge, task.prompts, config, checkpoints=checkpoints)
    return Training(run, lambda: samples(task))


ALGORITHMS: dict[str, Algorithm] = {
    "sft": sft,
    "reward-model": reward_model_on_pairs,
    "dpo": dpo,
    "ppo": ppo,
    "ppo-adaptive": ppo_adaptive,
    "ppo-ptx": ppo_ptx,
    "grpo": grpo,
    "grpo-process": grpo_process,
}


def _ppo(task, config, mix, checkpoints) -> Training:
    given = {"pretraining": mix, "checkpoints": checkpoints}
    run = train_ppo(task.policy, task.reward, task.prompts, config, **given)
    return Training(run, lambda: samples(task))


def _ppo_config(task: Task, size: Size) -> PPOConfig:
    batch = {"batch_size": size.batch_size, "critic_learning_rate": RATE}
    return PPOConfig(**batch, **_sampled(task, size))


def _grpo_config(task: Task, size: Size) -> GRPOConfig:
    require_divisor(size.batch_size, group_size=size.group_size)
    groups = {"prompts_per_step": size.batch_size // size.group_size, "group_size": size.group_size}
    return GRPOConfig(**groups, **_sampled(task, size))


def _sampled(task: Task, size: Size) -> dict:
    """What PPO and GRPO share; Adam in one kernel, which is several times as fast."""
    adam = {"optimizer": partial(torch.optim.Adam, fused=True), "minibatch_size": size.batch_size}
    adam["learning_rate"] = RATE
    return of(task, "max_tokens", "end_token") | size.shared() | adam
