"""People disagree in what they demonstrate: what do SFT and preferences make of it? (FR-6)

Hypothesis: fine-tuning on demonstrations of two kinds of people ends at the average of their mean
rewards, fine-tuning on the preferred half of pairs at the average of those; preference training on
the same pairs passes both, but ends where it began when both kinds label. Refuted if SFT is further
than 0.05 from its average, or if preference training does not pass that of the preferred.

In the exact world, with endless data: every loss is an expectation over all responses.
"""

from collections.abc import Callable
from math import log

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.train.loop import history, minimise
from rlhf_lab.worlds.exact import (
    ExactWorld,
    exact_world,
    expected_pairs,
    pair_dpo_loss,
    response_distribution,
    starting_policy,
)
from rlhf_lab.worlds.optimum import optimal_logprobs

Logprobs = Float[Tensor, "response"]
BETA = 0.5


def run(seed: int) -> dict[str, float]:
    """The mean reward, as the first kind of people feel it, of demonstrations and of policies."""
    world = exact_world(seed=seed)
    fond, averse = demonstrators(world)
    mixture = torch.logaddexp(fond, averse) - log(2)
    of_first = expected_pairs(mixture, world.rewards)
    of_second = expected_pairs(mixture, -world.rewards)
    policies = {
        "demonstrations of the first kind": fond,
        "demonstrations of the second kind": averse,
        "SFT on both": fine_tuned(world, mixture.exp()),
        "SFT on what the first prefer": fine_tuned(world, of_first.sum(dim=1)),
        "preferences of the first": after_dpo(world, mixture, of_first),
        "preferences of both": after_dpo(world, mixture, (of_first + of_second) / 2),
    }
    return {name: (p.exp() * world.rewards).sum().item() for name, p in policies.items()}


def demonstrators(world: ExactWorld) -> tuple[Logprobs, Logprobs]:
    """log π of two kinds of people: best for the reward, and best for its opposite."""
    first, second = (
        optimal_logprobs(world.reference_logprobs, sign * world.rewards, beta=BETA)
        for sign in (1, -1)
    )
    return first, second


def fine_tuned(world: ExactWorld, shown: Float[Tensor, "response"]) -> Logprobs:
    """SFT: a table trained on -Σ_y shown(y) log π(y), shown(y) the share of y in the data."""
    return _trained(world, lambda logprobs: -(shown * logprobs).sum())


def after_dpo(world: ExactWorld, start: Logprobs, pairs: Float[Tensor, "winner loser"]) -> Logprobs:
    """DPO with `start` as its reference, on labelled pairs given by their shares."""
    return _trained(world, lambda logprobs: pair_dpo_loss(logprobs, start, pairs, beta=BETA))


def _trained(world: ExactWorld, loss: Callable[[Logprobs], Tensor]) -> Logprobs:
    policy = starting_policy(world)

    def value() -> Tensor:
        return loss(sequence_logprobs(policy, world.responses))

    history(minimise(value, policy, steps=120, learning_rate=0.1))
    return response_distribution(policy, world.responses)
