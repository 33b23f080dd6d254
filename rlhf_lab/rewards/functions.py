"""Rewards as functions from responses to numbers: normalised, mixed, in ensembles.

A `Reward` is what a training loop of the policy asks for, wherever it comes from.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.models import ScalarModel, trainable_copy
from rlhf_lab.responses import Responses, trim
from rlhf_lab.rewards.networks import response_rewards
from rlhf_lab.settings import require_count

Rewards = Float[Tensor, "batch"]
Reward = Callable[[Responses], Rewards]


def as_reward(
    rewards: Callable[[nn.Module, Responses], Rewards], model: nn.Module, *, batch_size: int = 256
) -> Reward:
    """A network as a Reward: `batch_size` responses at a time, without gradient."""
    require_count(batch_size=batch_size)

    @torch.no_grad()
    def reward(responses: Responses) -> Rewards:
        rows = torch.arange(len(responses)).split(batch_size)
        return torch.cat([rewards(model, trim(responses[batch])) for batch in rows])

    return reward


def standardised(reward: Reward, samples: Responses) -> Reward:
    """(r - mean) / std, both over `samples`, which the reference wrote: mean 0, std 1 there.

    Comparisons do not fix a reward's zero: a constant per prompt changes no Bradley-Terry
    probability. Raises ValueError where the samples' rewards do not differ.
    """
    mean, std = _mean_and_std(reward(samples))
    return lambda responses: (reward(responses) - mean) / std


def standardised_head(model: ScalarModel, samples: Responses) -> ScalarModel:
    """The same, before training: a copy whose head is scaled and shifted (Ziegler et al. 2019)."""
    mean, std = _mean_and_std(as_reward(response_rewards, model)(samples))
    scaled = trainable_copy(model)
    with torch.no_grad():
        scaled.head.weight.div_(std)
        scaled.head.bias.sub_(mean).div_(std)
    return scaled


def mixed(rewards: Sequence[Reward], weights: Sequence[float]) -> Reward:
    """Σ_i w_i r_i: an explicit reward can be edited after training. Equal weights: an ensemble."""
    if not rewards or len(rewards) != len(weights):
        raise ValueError(f"each reward needs its weight, got {len(rewards)} and {len(weights)}")
    pairs = list(zip(weights, rewards, strict=True))
    return lambda responses: sum(weight * reward(responses) for weight, reward in pairs)


def lowest(rewards: Sequence[Reward]) -> Reward:
    """min_i r_i: an ensemble that trusts its most careful member (Coste et al. 2023)."""
    _check_members(rewards, least=1)
    return lambda responses: torch.stack([r(responses) for r in rewards]).amin(dim=0)


def disagreement(rewards: Sequence[Reward]) -> Reward:
    """The unbiased standard deviation over the members of an ensemble, for each response."""
    _check_members(rewards, least=2)
    return lambda responses: torch.stack([r(responses) for r in rewards]).std(dim=0)


def _check_members(rewards: Sequence[Reward], *, least: int) -> None:
    if len(rewards) < least:
        raise ValueError(f"the ensemble needs {least} reward(s) or more, got {len(rewards)}")


def _mean_and_std(rewards: Rewards) -> tuple[Tensor, Tensor]:
    mean, std = rewards.mean(), rewards.std()
    if not std > 0 or rewards.amin() == rewards.amax():  # a std that may be rounding
        raise ValueError(f"the {len(rewards)} samples' rewards must differ, their std is {std}")
    return mean, std
