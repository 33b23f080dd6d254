"""Does PPO end at π* for a transformer as it does for a table? (PPO-1)

Hypothesis: a tiny GPT-2 of 26 thousand weights, which shares them between prefixes, comes within a
total variation of 0.02 of π*, as a table of logits does. Refuted where either stays further away.
"""

from functools import partial

import torch

from rlhf_lab.experiments.verdicts import Recorded, Verdict, below, ends, together
from rlhf_lab.masked import zero_at_padding
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.worlds.exact import (
    ExactWorld,
    response_distribution,
    rewards_of,
    starting_policy,
    world_around,
)
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs, total_variation

BETA = 0.5
SPREAD = 3.0  # factor on the random weights, without which the reference is nearly uniform
VARIANTS = {"fixed-point-ppo-gpt2": {}}
BORROWED = ("fixed-points-ppo",)  # the table, which the verdict needs too


def run(seed: int, *, steps: int = 400, every: int = 20) -> History:
    """Distance to π* and KL to the reference by step; about a minute on a free processor core."""
    world = gpt2_world(seed)
    policy = starting_policy(world)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)
    config = PPOConfig(
        steps=steps,
        max_tokens=3,
        end_token=None,
        batch_size=512,
        minibatch_size=512,
        beta=BETA,
        learning_rate=5e-3,
        critic_learning_rate=1e-2,
        value_epsilon=1e9,
        max_grad_norm=1e3,
        normalise=zero_at_padding,
        seed=seed,
    )

    def measured():
        for metrics in train_ppo(policy, partial(rewards_of, world), [[0]], config):
            if (metrics["step"] + 1) % every == 0:
                now = response_distribution(policy, world.responses)
                yield {
                    "updates": metrics["step"] + 1,
                    "to_optimum": total_variation(now, optimum).item(),
                    "kl": kl_divergence(now, world.reference_logprobs).item(),
                }

    return history(measured(), steps=steps // every)


def gpt2_world(seed: int) -> ExactWorld:
    """125 responses whose reference is a GPT-2 with random weights, in float64."""
    reference = tiny_gpt2(5, layers=2, width=32, heads=2, context=4, seed=seed).double()
    with torch.no_grad():
        for weight in reference.parameters():
            if weight.dim() > 1:
                weight.mul_(SPREAD)
    return world_around(reference, 3, 1.0, torch.Generator().manual_seed(seed))


def verdict(runs: Recorded) -> Verdict:
    """At the end, beside a table of logits in a world of its own (`fixed_points`)."""
    gpt2, of_table = runs["fixed-point-ppo-gpt2"], runs["fixed-points-ppo"]
    return together(
        below("TV to π* of a tiny GPT-2", ends(gpt2, "to_optimum"), 0.02),
        below("of a table", ends(of_table, "to_optimum"), 0.02),
    )
