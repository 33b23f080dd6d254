"""The gradient of a batch of reviews with one baseline or another, and its variance."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.advantages import gae, leave_one_out_advantages, token_rewards
from rlhf_lab.logprobs import response_logprobs, response_values
from rlhf_lab.masked import sum_over_tokens, zero_at_padding
from rlhf_lab.responses import Responses
from rlhf_lab.worlds.reviews import gold_rewards

BATCH, GROUP_SIZE = 64, 8
Advantages = Callable[[Responses], Float[Tensor, "batch token"]]


def variance(policy: nn.Module, batches: list[Responses], advantages: Advantages) -> float:
    """Trace of the covariance of the gradient of mean_i Σ_t Â_it log π(y_it) over batches."""
    gradients = []
    for responses in batches:
        weighted = advantages(responses) * response_logprobs(policy, responses)
        objective = sum_over_tokens(weighted, responses.mask).mean()
        parts = torch.autograd.grad(objective, list(policy.parameters()))
        gradients.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(gradients).var(dim=0).sum().item()


def without_baseline(responses: Responses) -> Float[Tensor, "batch token"]:
    """Â = r."""
    return zero_at_padding(
        gold_rewards(responses)[:, None].expand(responses.mask.shape), responses.mask
    )


def of_group(responses: Responses) -> Float[Tensor, "batch token"]:
    """Â = r - mean of the rest of the group: GRPO's baseline, unbiased and without the std."""
    return leave_one_out_advantages(gold_rewards(responses).view(-1, GROUP_SIZE)).view(-1, 1)


def with_critic(critic: nn.Module, lam: float) -> Advantages:
    """Â of GAE with the critic's values."""

    @torch.no_grad()
    def advantages(responses: Responses) -> Float[Tensor, "batch token"]:
        values = response_values(critic, responses)
        rewards = token_rewards(gold_rewards(responses), values, responses.mask, beta=0.0)
        return gae(rewards, values, responses.mask, gamma=1.0, lam=lam)

    return advantages
