"""Where do PPO and GRPO end, in a world where every answer is known? (PPO-1, GRPO-7)

Hypothesis: PPO, with the KL in the reward, ends at π*. GRPO does not, for three reasons that are
switched on one at a time: k3 in the loss pulls towards another policy; a mean that contains the
response makes β act as β G/(G-1); the std makes the end independent of the reward's scale. With
the KL in the reward the other two leave π* where it is. Refuted where a run ends further from its
prediction than the noise of its samples, or where GRPO comes near π*.
"""

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
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.worlds.exact import ExactWorld, exact_world, response_distribution, rewards_of
from rlhf_lab.worlds.exact import starting_policy as start
from rlhf_lab.worlds.fixed_points import grpo_fixed_point, self_in_mean
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs, total_variation

BETA, GROUP_SIZE = 0.5, 8
BASELINES = {
    "leave-one-out": leave_one_out_advantages,
    "group-mean": centred_outcome_advantages,
    "mean-and-std": group_outcome_advantages,
}
PLACES = ("reward", "loss")  # where the KL to the reference is
VARIANTS = {
    "fixed-points-ppo": {"baseline": "critic", "kl_in": "reward"},
    **{
        f"fixed-points-{baseline}-kl-in-{place}": {"baseline": baseline, "kl_in": place}
        for baseline in BASELINES
        for place in PLACES
    },
    **{
        f"fixed-points-{name}-scale-{scale}": settings | {"reward_scale": scale}
        for name, settings in (
            ("ppo", {"baseline": "critic", "kl_in": "reward"}),
            ("grpo", {"baseline": "mean-and-std", "kl_in": "loss"}),
        )
        for scale in (0.25, 4.0)
    },
}
SETTINGS = {"max_tokens": 3, "end_token": None, "learning_rate": 0.1, "max_grad_norm": 1e9}


def run(
    seed: int,
    *,
    baseline: str,
    kl_in: str,
    reward_scale: float = 1.0,
    responses: int = 1024,
    every: int = 10,
) -> History:
    """Distances of one run to π* and to its predicted end, and its KL to the reference, by step.

    `responses` are sampled in each step of GRPO: many, where its noise does not vanish at its end.
    """
    world = exact_world(reward_scale=reward_scale, seed=seed)
    policy = start(world)
    if baseline == "critic":
        training = ppo(policy, world, seed)
    else:
        training = grpo(policy, world, seed, baseline, kl_in, responses)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)
    end = predicted(world, baseline) if kl_in == "loss" else optimum

    def measured():
        for metrics in training:
            if (metrics["step"] + 1) % every == 0:
                now = response_distribution(policy, world.responses)
                yield {
                    "updates": metrics["step"] + 1,
                    "to_optimum": total_variation(now, optimum).item(),
                    "to_prediction": total_variation(now, end).item(),
                    "kl": kl_divergence(now, world.reference_logprobs).item(),
                }

    return history(measured())


def ppo(policy: nn.Module, world: ExactWorld, seed: int, *, steps: int = 80):
    """PPO on 256 responses a step, four passes over them, advantages as they are."""
    config = PPOConfig(
        steps=steps,
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
    """Where GRPO with its KL in the loss should end; with the std there is no closed form."""
    beta = BETA if baseline == "leave-one-out" else self_in_mean(BETA, group_size=GROUP_SIZE)
    sizes = {"vocabulary": world.reference.config.vocab_size, "length": SETTINGS["max_tokens"]}
    return grpo_fixed_point(world.reference_logprobs, world.rewards, beta=beta, **sizes)
