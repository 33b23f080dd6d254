"""PPO, GRPO, DPO, fine-tuning and best-of-n on film reviews, each a path away from the reference.

All know the same noisy comparisons; PPO, GRPO and best-of-n know them through a reward model.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import torch

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, flawless_share
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
from rlhf_lab.worlds.reviews import END, gold_rewards, prompts

BEST_OF = (1, 2, 4, 8, 16, 32, 64)
PROMPTS = 48  # for best-of-n, each with max(BEST_OF) responses
SAMPLING = {"max_tokens": MAX_TOKENS, "end_token": END}


def ppo_path(task: Task, reward: Reward, *, beta: float, steps: int = 15) -> Iterator[Metrics]:
    """PPO on a reward, β of the KL in the reward."""
    policy = trainable_copy(task.reference)
    rates = {"learning_rate": 5e-3, "critic_learning_rate": 5e-3}
    config = PPOConfig(steps=steps, epochs=2, beta=beta, seed=task.seed, **rates, **SAMPLING)
    return along(task, policy, train_ppo(policy, reward, task.openings(), config), every=3)


def grpo_path(task: Task, reward: Reward, *, beta: float, steps: int = 15) -> Iterator[Metrics]:
    """GRPO in groups of 8, β of the KL in the loss."""
    policy = trainable_copy(task.reference)
    config = GRPOConfig(
        steps=steps, epochs=1, beta=beta, learning_rate=4e-3, seed=task.seed, **SAMPLING
    )
    return along(task, policy, train_grpo(policy, reward, task.openings(), config), every=3)


def dpo_path(task: Task, *, beta: float, steps: int = 60) -> Iterator[Metrics]:
    """DPO on the comparisons, which knows no reward model."""
    policy = trainable_copy(task.reference)
    config = DPOConfig(
        steps=steps,
        batch_size=32,
        beta=beta,
        learning_rate=1.5e-3,
        warmup_steps=10,
        optimizer=torch.optim.Adam,
        seed=task.seed,
    )
    return along(task, policy, train_dpo(policy, task.reference, task.pairs, config), every=10)


def sft_path(task: Task, *, steps: int = 60) -> Iterator[Metrics]:
    """Supervised fine-tuning on the chosen responses."""
    policy = trainable_copy(task.reference)
    config = SFTConfig(
        steps=steps, batch_size=32, learning_rate=1e-3, warmup_steps=10, seed=task.seed
    )
    return along(task, policy, train_sft(policy, task.pairs.chosen, config), every=10)


def best_of_n_path(task: Task) -> Iterator[Metrics]:
    """The best of n responses of the reference by the proxy; `kl` is log n - (n - 1)/n, a bound."""
    written = many_responses(task.seed)
    proxy = task.proxy(written)
    for n in BEST_OF:
        best = best_of_n(written, proxy, n=n)
        yield {
            "steps": n,
            "gold": gold_rewards(best).mean().item(),
            "proxy": task.proxy(best).mean().item(),
            "kl": math.log(n) - (n - 1) / n,
            "flawless": flawless_share(best),
        }


@lru_cache(maxsize=1)
def many_responses(seed: int) -> Responses:
    """max(BEST_OF) responses of the reference to each of a few held-out openings."""
    generator = torch.Generator().manual_seed(seed)
    asked = pad(prompts(PROMPTS, seed=10_000 + seed), [[END]] * PROMPTS)
    rows = torch.arange(PROMPTS).repeat_interleave(max(BEST_OF))
    openings = asked.prompts[rows], asked.prompt_mask[rows]
    return sample(review_model(), *openings, generator=generator, **SAMPLING).responses
