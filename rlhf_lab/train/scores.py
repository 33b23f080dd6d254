"""What a reward function may return, checked at every step: bad scores never reach an update."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rlhf_lab import precision, processes
from rlhf_lab.responses import Responses
from rlhf_lab.rewards.functions import Reward

StepReward = Callable[[Responses], tuple[Float[Tensor, "batch token"], Bool[Tensor, "batch token"]]]


def of_groups(advantages: Callable[..., Tensor], rewards: Tensor, *ends: Tensor) -> Tensor:
    """advantages(rewards of groups, ...), one for each reward. ValueError for another shape."""
    found = advantages(rewards, *ends)
    if not isinstance(found, Tensor) or found.shape != rewards.shape:
        wanted, got = tuple(rewards.shape), tuple(getattr(found, "shape", [])) or type(found)
        raise ValueError(f"the advantages must have the rewards' shape {wanted}, got {got}")
    return found


def rewards_of(reward: Reward, responses: Responses) -> Float[Tensor, "batch"]:
    """What `reward` says of each response, checked; of several processes each asks for its own."""
    if isinstance(reward, nn.Module) and hasattr(reward, "config"):
        raise ValueError(
            f"the reward must be a function of responses, got the network {type(reward).__name__}; "
            "give rlhf_lab.rewards.functions.as_reward(response_rewards, network)"
        )
    own = responses[processes.own(len(responses))]
    rewards = checked_rewards(reward(own), len(own)).to(own.tokens.device)
    return processes.whole(rewards, len(responses))


def step_rewards_of(
    reward: StepReward, responses: Responses
) -> tuple[Float[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """The same of rewards for steps: the rewards, and true where a step ends."""
    own = responses[processes.own(len(responses))]
    rewards, ends = checked_step_rewards(reward(own), own)
    return processes.whole(rewards, len(responses)), processes.whole(ends, len(responses))


def checked_rewards(rewards: object, count: int) -> Float[Tensor, "batch"]:
    """The rewards as they came, without gradient.

    Raises ValueError unless there is one float a response, FloatingPointError where one is not
    finite, or no longer in float32: too large for a policy's own numbers.
    """
    wanted = f"the reward must return a float tensor of shape ({count},), one number a response"
    if not isinstance(rewards, Tensor):
        raise ValueError(f"{wanted}, got {type(rewards).__name__}: {str(rewards)[:60]!r}")
    if rewards.shape != (count,) or not rewards.is_floating_point():
        raise ValueError(f"{wanted}, got {rewards.dtype} of shape {tuple(rewards.shape)}")
    if not rewards.float().isfinite().all():
        row = int((~rewards.float().isfinite()).nonzero()[0])
        raise FloatingPointError(f"{wanted}, got {rewards[row].item()} for response {row}")
    return precision.at_least_float32(rewards.detach())


def checked_step_rewards(
    judged: object, responses: Responses
) -> tuple[Float[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """Rewards and ends of steps as they came; errors as `checked_rewards`, at the ends of steps."""
    shape = responses.mask.shape
    wanted = f"the reward must return two tensors of shape {tuple(shape)}: floats, and true at ends"
    is_pair = isinstance(judged, tuple) and len(judged) == 2
    if not (is_pair and all(isinstance(part, Tensor) for part in judged)):
        raise ValueError(f"{wanted}, got {type(judged).__name__}: {str(judged)[:60]!r}")
    rewards, ends = (x.to(responses.mask.device) for x in judged)
    if ends.shape != shape or ends.dtype != torch.bool:
        raise ValueError(f"{wanted} of steps; got ends of {ends.dtype} {tuple(ends.shape)}")
    if rewards.shape != shape or not rewards.is_floating_point():
        raise ValueError(f"{wanted}; got rewards of {rewards.dtype} {tuple(rewards.shape)}")
    if (ends & ~responses.mask).any():
        row, token = (ends & ~responses.mask).nonzero()[0].tolist()
        raise ValueError(f"{wanted} of steps; token {token} of response {row} is padding")
    if not rewards[ends].float().isfinite().all():
        row, token = (ends & ~rewards.float().isfinite()).nonzero()[0].tolist()
        got = f"{rewards[row, token].item()} for token {token} of response {row}"
        raise FloatingPointError(f"{wanted}, each finite; got {got}")
    return precision.at_least_float32(rewards.detach()), ends
