"""PPO, GRPO, DPO, fine-tuning and best-of-n on film reviews, each a path away from the reference.

All know the same noisy comparisons; PPO, GRPO and best-of-n know them through a reward model.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import torch

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS
from rlhf_lab.experiments.review_task import Task, along
from rlhf_lab.models import trainable_copy
from rlhf_lab.responses import Responses, pad
from rlhf_lab.rewards.functions import Reward
from rlhf_lab.sampling import best_of_n, sample
from rlhf_lab.train.dpo import DPOConfig, train_dpo
from rlhf_lab.train.grpo import GRPOConfig, train_grpo
from rlhf_lab.train.loop import Metrics
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.worlds.reviews import END, prompts

BEST_OF = (1, 2, 4, 8, 16, 32, 64)
PROMPTS = 48  # for best-of-n, each with max(BEST_OF) responses
SAMPLING = {"max_tokens": MAX_TOKENS, "end_token": END}


def ppo_path(task: Task, reward: Reward, *, beta: float) -> Iterator[Metrics]:
    """PPO on a reward, β of the KL in the reward."""
    policy, scale = trainable_copy(task.reference), task.scale
    steps = scale.sampled_steps
    rates = {"learning_rate": scale.ppo_rate, "critic_learning_rate": scale.ppo_rate}
    config = PPOConfig(
        steps=steps, epochs=2, beta=beta, seed=task.seed, **rates, **scale.sampling()
    )
    training = train_ppo(policy, reward, task.openings(), config)
    return along(task, policy, training, every=max(1, steps // 5))


def grpo_path(task: Task, reward: Reward, *, beta: float) -> Iterator[Metrics]:
    """GRPO in groups of 8, β of the KL in the loss."""
    policy, scale = trainable_copy(task.reference), task.scale
    steps, rate = scale.sampled_steps, scale.grpo_rate
    config = GRPOConfig(
        steps=steps, epochs=1, beta=beta, learning_rate=rate, seed=task.seed, **scale.sampling()
    )
    training = train_grpo(policy, reward, task.openings(), config)
    return along(task, policy, training, every=max(1, steps // 5))


def dpo_path(task: Task, *, beta: float) -> Iterator[Metrics]:
    """DPO on the comparisons, which knows no reward model."""
    policy, scale = trainable_copy(task.reference), task.scale
    rate = scale.dpo_rate
    config = DPOConfig(beta=beta, learning_rate=rate, optimizer=scale.adam, **_fitted(task))
    training = train_dpo(policy, task.reference, task.pairs, config)
    return along(task, policy, training, every=max(1, config.steps // 6))


def sft_path(task: Task) -> Iterator[Metrics]:
    """Supervised fine-tuning on the chosen responses."""
    policy = trainable_copy(task.reference)
    config = SFTConfig(learning_rate=task.scale.sft_rate, **_fitted(task))
    training = train_sft(policy, task.pairs.chosen, config)
    return along(task, policy, training, every=max(1, config.steps // 6))


def _fitted(task: Task) -> dict:
    """The settings that DPO and fine-tuning share."""
    return {
        "steps": task.scale.fitted_steps,
        "batch_size": task.scale.batch,
        "micro_batch_size": task.scale.micro_batch_size,
        "warmup_steps": max(1, task.scale.fitted_steps // 6),
        "seed": task.seed,
    }


def best_of_n_path(task: Task) -> Iterator[Metrics]:
    """The best of n responses of the reference by the proxy; `kl` is log n - (n - 1)/n, a bound."""
    written = task.many(PROMPTS, max(BEST_OF)) if task.many else many_responses(task.seed)
    proxy = task.proxy(written)
    for n in BEST_OF:
        best = best_of_n(written, proxy, n=n)
        yield {
            "steps": n,
            "gold": task.gold(best).mean().item(),
            "proxy": task.proxy(best).mean().item(),
            "kl": math.log(n) - (n - 1) / n,
            **{name: x for name, x in task.described(best).items() if name != "distinct"},
        }


@lru_cache(maxsize=1)
def many_responses(seed: int) -> Responses:
    """max(BEST_OF) responses of the reference to each of a few openings drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    asked = pad(prompts(PROMPTS, seed=10_000 + seed), [[END]] * PROMPTS)
    rows = torch.arange(PROMPTS).repeat_interleave(max(BEST_OF))
    openings = asked.prompts[rows], asked.prompt_mask[rows]
    return sample(review_model(), *openings, generator=generator, **SAMPLING).responses
