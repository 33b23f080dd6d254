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

from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, together, within
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.train.loop import History, history, minimise
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
VARIANTS = {"mixed-demonstrations": {}}
COLUMNS = (
    "demonstrations of the first kind",
    "demonstrations of the second kind",
    "SFT on both",
    "SFT on what the first prefer",
    "preferences of the first",
    "preferences of both",
)


def run(seed: int) -> History:
    """The mean reward, as the first kind of people feel it, of demonstrations and of policies."""
    world = exact_world(seed=seed)
    fond, averse = demonstrators(world)
    mixture = torch.logaddexp(fond, averse) - log(2)
    of_first = expected_pairs(mixture, world.rewards)
    of_second = expected_pairs(mixture, -world.rewards)
    policies = (
        fond,
        averse,
        fine_tuned(world, mixture.exp()),
        fine_tuned(world, of_first.sum(dim=1)),
        after_dpo(world, mixture, of_first),
        after_dpo(world, mixture, (of_first + of_second) / 2),
    )
    rewards = [(policy.exp() * world.rewards).sum().item() for policy in policies]
    return {name: [reward] for name, reward in zip(COLUMNS, rewards, strict=True)}


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


def verdict(runs: Recorded) -> Verdict:
    """By the mean reward that the first kind of people feel."""
    found = {name: ends(runs["mixed-demonstrations"], name) for name in COLUMNS}
    first, second, tuned, preferred, after, torn = found.values()
    return together(
        within("SFT less the average of both", tuned - (first + second) / 2, -0.05, 0.05),
        above("SFT on the preferred less SFT on both", preferred - tuned),
        above("preferences of the first less SFT on the preferred", after - preferred),
        above("preferences of the first less the first themselves", after - first),
        within("preferences of both less SFT on both", torn - tuned, -0.05, 0.05),
    )
