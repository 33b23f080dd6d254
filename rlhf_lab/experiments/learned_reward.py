"""What becomes of the true reward when a policy is best for a *learned* one? (DPO-2)

Hypothesis: as the policy leaves the reference for the optimum of a reward model fitted to few
comparisons, the model's reward rises all the way, the true reward lags behind it and falls at the
end; a model too simple for the truth gains little. Refuted if the two rewards stay together, if
the true reward does not fall, or if the simple model does as well. The control is the policy that
is optimal for the true reward.

The policy is not trained: π_β ∝ ref exp(r_model / β) is computed exactly for each β.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, one_hot

from rlhf_lab.experiments.smooth_minimum import minimum
from rlhf_lab.worlds.exact import ExactWorld, exact_world, observed_pairs, sample_pairs
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs

BETAS = tuple(float(beta) for beta in np.geomspace(8, 0.02, 15))
MODERATE = 9  # BETAS[9] is 0.17: the true gain there is compared with that at the smallest β
Features = Callable[[ExactWorld], Float[Tensor, "response feature"]]


@dataclass(frozen=True)
class Path:
    """One seed: KL to the reference in nats, and gains over the reference, one value a β."""

    kl: list[float]
    true_reward: list[float]
    model_reward: list[float]
    possible_reward: list[float]
    """true gain of the policies that are optimal for the true reward, at the same β"""

    @property
    def lost(self) -> float:
        """True reward at a moderate β less that at the smallest."""
        return self.true_reward[MODERATE] - self.true_reward[-1]


def one_number_a_response(world: ExactWorld) -> Float[Tensor, "response feature"]:
    """A reward model that can hold any reward, and any noise."""
    return torch.eye(len(world.rewards), dtype=torch.float64)


def one_number_a_token(world: ExactWorld) -> Float[Tensor, "response feature"]:
    """A reward model that adds up tokens: too simple for rewards that do not."""
    return one_hot(world.responses.tokens).flatten(1).double()


def run(
    seed: int,
    *,
    features: Features = one_number_a_response,
    pairs: int = 1000,
    ridge: float = 1e-4,
    betas: tuple[float, ...] = BETAS,
) -> Path:
    """Fit a reward model to `pairs` comparisons and follow its optimal policies as β falls."""
    world = exact_world(seed=seed)
    numbers = sample_pairs(world, pairs, torch.Generator().manual_seed(seed))
    weights = observed_pairs(*numbers, len(world.rewards))
    model = fitted_reward(features(world), weights, ridge=ridge)
    start = world.reference_logprobs
    policies = [optimal_logprobs(start, model, beta=beta) for beta in betas]
    best = [optimal_logprobs(start, world.rewards, beta=beta) for beta in betas]

    def gain(policy, reward):
        return ((policy.exp() - start.exp()) * reward).sum().item()

    return Path(
        [kl_divergence(policy, start).item() for policy in policies],
        [gain(policy, world.rewards) for policy in policies],
        [gain(policy, model) for policy in policies],
        [gain(policy, world.rewards) for policy in best],
    )


def fitted_reward(
    features: Float[Tensor, "response feature"],
    pairs: Float[Tensor, "winner loser"],
    *,
    ridge: float,
) -> Float[Tensor, "response"]:
    """argmin of -Σ pairs log σ(r_w - r_l) + ridge |w|² over r = features w (Bradley-Terry)."""

    def loss(weights: Tensor) -> Tensor:
        reward = features @ weights
        value = -(pairs * logsigmoid(reward[:, None] - reward[None, :])).sum()
        return value + ridge * weights.square().sum()

    start = torch.zeros(features.shape[1], dtype=features.dtype)
    return features @ minimum(loss, start, iterations=200)
