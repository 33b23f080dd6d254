"""PPO and GRPO in the exact world, and where GRPO with its KL in the loss should end."""

from functools import partial

import torch
from torch import nn

from rlhf_lab.advantages import (
    centred_outcome_advantages,
    group_outcome_advantages,
    leave_one_out_advantages,
)
from rlhf_lab.kl import k1
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.masked import zero_at_padding
from rlhf_lab.responses import Responses
from rlhf_lab.train.grpo import GRPOConfig, train_grpo
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.worlds.exact import ExactWorld, rewards_of
from rlhf_lab.worlds.fixed_points import grpo_fixed_point, self_in_mean

BETA, GROUP_SIZE = 0.5, 8
BASELINES = {
    "leave-one-out": leave_one_out_advantages,
    "group-mean": centred_outcome_advantages,
    "mean-and-std": group_outcome_advantages,
}
SETTINGS = {"max_tokens": 3, "end_token": None, "learning_rate": 0.1, "max_grad_norm": 1e9}


def ppo(policy: nn.Module, world: ExactWorld, seed: int):
    """PPO on 256 responses a step, four passes over them, advantages as they are."""
    config = PPOConfig(
        steps=80,
        batch_size=256,
        minibatch_size=256,
        beta=BETA,
        critic_learning_rate=0.2,
        value_epsilon=1e9,
        normalise=zero_at_padding,
        seed=seed,
        **SETTINGS,
    )
    return train_ppo(policy, partial(rewards_of, world), [[0]], config)


def grpo(
    policy: nn.Module, world: ExactWorld, seed: int, baseline: str, kl_in: str, responses: int
):
    """GRPO in groups of 8, one pass over the responses of a step."""
    config = GRPOConfig(
        steps=150,
        prompts_per_step=responses // GROUP_SIZE,
        group_size=GROUP_SIZE,
        minibatch_size=responses,
        beta=BETA if kl_in == "loss" else 0.0,
        advantages=BASELINES[baseline],
        seed=seed,
        **SETTINGS,
    )

    @torch.no_grad()
    def with_penalty(responses: Responses):
        pair = (sequence_logprobs(model, responses) for model in (policy, world.reference))
        return rewards_of(world, responses) - BETA * k1(*pair)

    reward = partial(rewards_of, world) if kl_in == "loss" else with_penalty
    return train_grpo(policy, reward, [[0]], config)


def predicted(world: ExactWorld, baseline: str):
    """Where GRPO with its KL in the loss should end: of the baselines without the std.

    With the std there is no closed form.
    """
    beta = BETA if baseline == "leave-one-out" else self_in_mean(BETA, group_size=GROUP_SIZE)
    sizes = {"vocabulary": world.reference.config.vocab_size, "length": SETTINGS["max_tokens"]}
    return grpo_fixed_point(world.reference_logprobs, world.rewards, beta=beta, **sizes)
