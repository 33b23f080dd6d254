"""Feedback data, reward model, policy optimisation: which of them is felt in the end? (FR-7, FR-8)

Hypothesis: in the exact world comparisons train a reward model, and the policy trained on that
model alone gains true reward; each factor made worse, the other two held, loses some of the gain,
and each made better wins some. Refuted for a factor whose paired difference is not below 0 when it
is made worse. Responses, rewards and labels are new in each seed; the policy is a table.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.learned_reward import (
    Features,
    fitted_reward,
    one_number_a_response,
    one_number_a_token,
)
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.train.loop import history, minimise
from rlhf_lab.worlds.exact import (
    ExactWorld,
    exact_world,
    observed_pairs,
    response_distribution,
    sample_pairs,
    starting_policy,
)
from rlhf_lab.worlds.optimum import kl_divergence, objective

BASE = {"pairs": 1000, "features": one_number_a_response, "beta": 0.3, "updates": 100}
LEVELS: dict[str, dict[str, dict]] = {
    "feedback data": {"50 pairs": {"pairs": 50}, "10,000 pairs": {"pairs": 10_000}},
    "reward model": {
        "sums tokens only": {"features": one_number_a_token},
        "the truth itself": {"features": None},
    },
    "policy optimisation": {
        "stopped after 5 updates": {"updates": 5},
        "penalty β = 3": {"beta": 3.0},
        "penalty β = 0.03": {"beta": 0.03},
    },
}


def run(
    seed: int, *, pairs: int, features: Features | None, beta: float, updates: int
) -> dict[str, float]:
    """Gains over the reference of one pipeline: true reward, the model's reward, and the KL.

    `features` is what the reward model can tell apart; with None the policy is trained on the true
    reward, which no feedback gives.
    """
    world = exact_world(seed=seed)
    model = world.rewards if features is None else reward_from(seed, pairs, features)
    trained = trained_policy(world, model, beta=beta, updates=updates)
    moved = trained.exp() - world.reference_logprobs.exp()
    return {
        "true_gain": (moved * world.rewards).sum().item(),
        "model_gain": (moved * model).sum().item(),
        "kl": kl_divergence(trained, world.reference_logprobs).item(),
    }


@cache
def reward_from(seed: int, pairs: int, features: Features) -> Float[Tensor, "response"]:
    """Feedback, then the reward model: comparisons drawn in the seed's world, and their fit."""
    world = exact_world(seed=seed)
    numbers = sample_pairs(world, pairs, torch.Generator().manual_seed(seed))
    seen = observed_pairs(*numbers, len(world.rewards))
    return fitted_reward(features(world), seen, ridge=1e-4)


def trained_policy(
    world: ExactWorld, reward: Float[Tensor, "response"], *, beta: float, updates: int
) -> Float[Tensor, "response"]:
    """log π after some updates on -J(π) = -(E_π[reward] - β KL(π ‖ ref)), its gradient exact."""
    policy = starting_policy(world)

    def loss() -> Tensor:
        logprobs = sequence_logprobs(policy, world.responses)
        return -objective(logprobs, world.reference_logprobs, reward, beta=beta)

    history(minimise(loss, policy, steps=updates, learning_rate=0.1))
    return response_distribution(policy, world.responses)
