"""How near to π* does DPO come with a finite number of comparisons? (DPO-11)

Hypothesis: with endless data the distance goes to 0; with n comparisons it falls first, then
rises again as the policy fits the noise, and the lowest point falls with n. Refuted if longer
training never hurts, or if more data does not help.
"""

from collections.abc import Sequence

import torch

from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.train.loop import minimise
from rlhf_lab.worlds.exact import (
    exact_world,
    expected_pairs,
    observed_pairs,
    pair_dpo_loss,
    response_distribution,
    sample_pairs,
    starting_policy,
)
from rlhf_lab.worlds.optimum import optimal_logprobs, total_variation

BETA = 0.5


def run(
    seed: int, *, pairs: int | None, steps: Sequence[int], learning_rate: float = 0.1
) -> list[float]:
    """TV(π, π*) of a tabular policy after each of `steps` updates on all pairs at once.

    `pairs` None is endless data. The learning rate is that of `minimise`.
    """
    world = exact_world(seed=seed)
    weights = expected_pairs(world.reference_logprobs, world.rewards)
    if pairs is not None:
        numbers = sample_pairs(world, pairs, torch.Generator().manual_seed(seed))
        weights = observed_pairs(*numbers, len(world.rewards))
    policy = starting_policy(world)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)

    def loss():
        logprobs = sequence_logprobs(policy, world.responses)
        return pair_dpo_loss(logprobs, world.reference_logprobs, weights, beta=BETA)

    def distance():
        return total_variation(response_distribution(policy, world.responses), optimum).item()

    distances = {0: distance()}
    for metrics in minimise(loss, policy, steps=max(steps), learning_rate=learning_rate):
        if metrics["step"] + 1 in steps:
            distances[metrics["step"] + 1] = distance()
    return [distances[step] for step in steps]
