"""Advantages: how much better a token was than expected, from rewards alone or with a critic.

Responses are padded on the right. What stands at a padded position is ignored, and every result
is 0 there. Nothing here has a gradient of its own: call it on numbers, not on a graph. Each
function raises ValueError where its arrays are not of the annotated shapes, or are no floats.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from rlhf_lab.masked import zero_at_padding
from rlhf_lab.settings import require_share
from rlhf_lab.shapes import require_bools, require_floats, require_tokens

Tokens, Mask = Float[Tensor, "batch token"], Bool[Tensor, "batch token"]
GROUP_EPSILON = 1e-4


def token_rewards(scores: Float[Tensor, "batch"], kl: Tokens, mask: Mask, *, beta: float) -> Tokens:
    """r_t = -β kl_t, plus the response's score at its last real token.

    kl_t is the estimate k1, log π(y_t) - log ref(y_t): its sum over a response is the log-ratio of
    the whole response. Ziegler et al. 2019, Eq. 2; by token as in Ouyang et al. 2022, section 3.5.
    """
    require_tokens(mask, kl=kl)
    require_floats("batch", sizes=mask.shape[:1], scores=scores)
    last = mask & ~pad(mask[:, 1:], (0, 1))
    return zero_at_padding(-beta * kl, mask) + torch.where(last, scores[:, None], 0)


def gae(rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float) -> Tokens:
    """Â_t = δ_t + γλ Â_{t+1} with δ_t = r_t + γ V_{t+1} - V_t, and V = 0 after the last token.

    λ = 0 is the one-step error δ_t, λ = 1 the discounted return minus V_t. Schulman et al. 2016,
    Eq. 16; the truncated sum is Eq. 11 of Schulman et al. 2017, and the recursion follows from it.
    Raises ValueError unless both numbers lie in 0..1.
    """
    require_share(gamma=gamma, lam=lam)
    require_tokens(mask, rewards=rewards, values=values)
    values = zero_at_padding(values, mask)
    next_values = pad(values[:, 1:], (0, 1))
    errors = zero_at_padding(rewards, mask) + gamma * next_values - values
    advantages = [torch.zeros_like(errors[:, 0])]
    for error in reversed(errors.unbind(dim=1)):
        advantages.append(error + gamma * lam * advantages[-1])
    return torch.stack(advantages[:0:-1], dim=1)


def returns_of(advantages: Tokens, values: Tokens, mask: Mask) -> Tokens:
    """R_t = Â_t + V_t, what the critic is fitted to; of raw advantages, not of whitened ones."""
    require_tokens(mask, advantages=advantages, values=values)
    return zero_at_padding(advantages + values, mask)


def group_outcome_advantages(
    rewards: Float[Tensor, "prompt group"],
) -> Float[Tensor, "prompt group"]:
    """Â_i = (r_i - mean r) / (std r + 1e-4) within each group of responses to one prompt.

    Shao et al. 2024 (GRPO), section 4.1.2. The paper says neither which std nor how a std of 0 is
    met; here it is the unbiased one, so that [1, 0, 0, 1] gives ±0.866, and 1e-4 is added to it.
    A group of equal rewards gives exactly 0. Raises ValueError for a group of one.
    """
    centred = centred_outcome_advantages(rewards)
    return centred / (rewards.std(dim=1, keepdim=True) + GROUP_EPSILON)


def centred_outcome_advantages(
    rewards: Float[Tensor, "prompt group"],
) -> Float[Tensor, "prompt group"]:
    """Â_i = r_i - mean r within each group: GRPO's without the division by the std.

    Liu et al. 2025 (Dr. GRPO). The mean contains the response itself, so that the expected
    gradient is (1 - 1/G) times that of the reward. Raises ValueError for a group of one.
    """
    require_floats("prompt group", rewards=rewards)
    if rewards.shape[1] < 2:
        raise ValueError(
            f"group_size must be at least 2, got {rewards.shape[1]}: "
            "one response alone is its own mean, so nothing would be learnt"
        )
    equal = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)  # else rounding would be learnt
    return torch.where(equal, 0, rewards - rewards.mean(dim=1, keepdim=True))


def leave_one_out_advantages(
    rewards: Float[Tensor, "prompt group"],
) -> Float[Tensor, "prompt group"]:
    """Â_i = r_i - mean of the other rewards of its group: a baseline without the response itself.

    G/(G-1) times `centred_outcome_advantages`, so that the expected gradient is the reward's own
    (Ahmadian et al. 2024, RLOO, section 2.3). Raises ValueError for a group of one.
    """
    centred, size = centred_outcome_advantages(rewards), rewards.shape[1]
    return centred * size / (size - 1)


def group_process_advantages(
    step_rewards: Float[Tensor, "prompt group token"],
    step_ends: Bool[Tensor, "prompt group token"],
) -> Float[Tensor, "prompt group token"]:
    """Â_t = Σ of (r_j - mean r) / (std r + 1e-4) over the steps j that end at token t or later.

    Mean and std are those of all steps of all responses of the group together. `step_rewards`
    counts only where `step_ends` is true. Tokens after the last step get 0, and so does a group
    with fewer than two steps: one alone is its own mean. Shao et al. 2024, section 4.1.3; the std
    as in `group_outcome_advantages`. Raises ValueError for a group of one response.
    """
    centred, squares = _centred_steps(step_rewards, step_ends)
    scale = (squares / (_count(step_ends) - 1).clamp(min=1)).sqrt() + GROUP_EPSILON
    return _sum_from_here_on(centred / scale)


def centred_process_advantages(
    step_rewards: Float[Tensor, "prompt group token"],
    step_ends: Bool[Tensor, "prompt group token"],
) -> Float[Tensor, "prompt group token"]:
    """Â_t = Σ of r_j - mean r over the steps j that end at token t or later, without the std.

    Not in the paper: process supervision with Dr. GRPO's correction. Otherwise as
    `group_process_advantages`.
    """
    return _sum_from_here_on(_centred_steps(step_rewards, step_ends)[0])


def _centred_steps(step_rewards: Tensor, step_ends: Tensor) -> tuple[Tensor, Tensor]:
    """r_j - mean r at the ends of steps and 0 elsewhere, and the sum of squares of each group."""
    require_floats("prompt group token", step_rewards=step_rewards)
    require_bools("prompt group token", sizes=step_rewards.shape, step_ends=step_ends)
    if step_rewards.shape[1] < 2:
        raise ValueError(f"each group needs at least two responses, got {step_rewards.shape[1]}")
    count = _count(step_ends).clamp(min=1)
    total = torch.where(step_ends, step_rewards, 0).sum(dim=(1, 2), keepdim=True)
    least = torch.where(step_ends, step_rewards, torch.inf).amin(dim=(1, 2), keepdim=True)
    most = torch.where(step_ends, step_rewards, -torch.inf).amax(dim=(1, 2), keepdim=True)
    counts = step_ends & ~(least >= most)  # of equal rewards rounding would be learnt
    centred = torch.where(counts, step_rewards - total / count, 0)
    return centred, centred.square().sum(dim=(1, 2), keepdim=True)


def _count(step_ends: Tensor) -> Tensor:
    return step_ends.sum(dim=(1, 2), keepdim=True)


def _sum_from_here_on(x: Float[Tensor, "*item token"]) -> Float[Tensor, "*item token"]:
    """Σ_{s ≥ t} x_s."""
    return x.flip(-1).cumsum(dim=-1).flip(-1)
