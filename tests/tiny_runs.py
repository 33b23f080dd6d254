"""A short run of every algorithm on a tiny GPT-2, with responses of unequal length.

    run, models = tiny_run("ppo-ptx", micro_batch_size=2)
    metrics = list(run)

The algorithms are those of ALGORITHMS. The optimizers of the policies are SGD, so that a difference
in the gradient is one in the weights, no larger; supervised losses have Adam.
"""

from functools import partial

import torch

from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.feedback.ranked import Ranked
from rlhf_lab.models import tiny_gpt2, trainable_copy, value_model
from rlhf_lab.responses import Preferences, pad
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import reward_model
from rlhf_lab.train.dpo import DPOConfig, train_dpo
from rlhf_lab.train.grpo import GRPOConfig, train_grpo, train_grpo_on_steps
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.pretraining_mix import PretrainingMix
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.train.trust_region import Penalised

PROMPTS = [[1, 2], [3], [4, 5], [6], [1], [2, 2], [5], [6, 1]]
SHORT = [[1], [2, 3], [1, 2, 3, 0], [4], [0], [5, 5, 5], [6], [2, 1, 0]]
LONG = [[5, 6, 4, 0], [6], [5], [6, 6, 6, 0], [1, 2], [0], [3, 3, 3, 3], [4]]
SAMPLED = {"max_tokens": 5, "end_token": 0, "minibatch_size": 8, "learning_rate": 0.5}
PENALTY = Penalised(first_penalty=0.5, target_kl=1e-3)
ALGORITHMS = (
    "sft",
    "reward-model",
    "dpo",
    "ppo",
    "ppo-adaptive",
    "ppo-ptx",
    "grpo",
    "grpo-process",
)


def threes(responses):
    """One more than the number of times that token 3 was written, by the number of tokens."""
    count = ((responses.tokens == 3) & responses.mask).sum(1)
    return (1 + count) / responses.mask.sum(1)


def each_three(responses):
    """Every token is a step, right where it is a 3."""
    return (responses.tokens == 3).double(), responses.mask


def tiny_run(
    algorithm: str,
    *,
    micro_batch_size: int | None = None,
    checkpoints: Checkpoints | None = None,
    steps: int = 2,
    dtype: torch.dtype = torch.float64,
):
    """The metrics of a run, one dictionary a step, and the models that it trains."""
    base, another = (
        tiny_gpt2(7, layers=1, width=16, heads=2, context=10, seed=seed).to(dtype)
        for seed in (0, 1)
    )
    policy, critic = trainable_copy(base), value_model(base)
    shared = {"steps": steps, "micro_batch_size": micro_batch_size}
    sampled = shared | SAMPLED | {"optimizer": torch.optim.SGD}
    models = [policy]
    if algorithm == "sft":
        config = SFTConfig(batch_size=4, learning_rate=1e-3, warmup_steps=0, **shared)
        run = partial(train_sft, policy, pad(PROMPTS, LONG), config)
    elif algorithm == "reward-model":
        models = [reward_model(base, seed=1)]
        rows = [row for prompt in PROMPTS for row in (prompt, prompt)]
        texts = [text for pair in zip(SHORT, LONG, strict=True) for text in pair]
        config = RewardModelConfig(batch_size=4, warmup_steps=0, **shared)
        run = partial(
            train_reward_model, models[0], Ranked(pad(rows, texts), 2), config, pairwise_loss
        )
    elif algorithm == "dpo":
        pairs = Preferences(pad(PROMPTS, SHORT), pad(PROMPTS, LONG))
        config = DPOConfig(
            batch_size=4, learning_rate=0.5, optimizer=torch.optim.SGD, warmup_steps=0, **shared
        )
        run = partial(train_dpo, policy, another, pairs, config)
    elif algorithm.startswith("ppo"):
        models = [policy, critic]
        region = {"trust_region": PENALTY, "target_kl": 0.1} if "adaptive" in algorithm else {}
        mix = PretrainingMix(texts=pad(PROMPTS, LONG), gamma=0.5) if "ptx" in algorithm else None
        config = PPOConfig(batch_size=8, epochs=2, critic_learning_rate=0.1, **sampled, **region)
        given = {"critic": critic, "pretraining": mix}
        run = partial(train_ppo, policy, threes, PROMPTS, config, **given)
    else:
        train, reward = {
            "grpo": (train_grpo, threes),
            "grpo-process": (train_grpo_on_steps, each_three),
        }[algorithm]
        config = GRPOConfig(prompts_per_step=2, group_size=4, **sampled)
        run = partial(train, policy, reward, PROMPTS, config)
    return run(checkpoints=checkpoints), models
