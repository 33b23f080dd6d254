"""What a policy gradient is made of in the exact world, nothing sampled."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.advantages import token_rewards
from rlhf_lab.kl import k1
from rlhf_lab.logprobs import response_logprobs, sequence_logprobs
from rlhf_lab.models import TabularPolicy
from rlhf_lab.worlds.exact import ExactWorld, exact_world

BETA = 0.5
APART = 1_000  # of the policy's seed from the world's, whose first numbers are its reference


def drawn(seed: int) -> tuple[ExactWorld, TabularPolicy, torch.Generator]:
    """A world, a random policy that is not its reference, and a generator for later draws."""
    world, policy = exact_world(seed=seed), TabularPolicy(5, 3).double()
    generator = torch.Generator().manual_seed(APART + seed)
    nn.init.normal_(policy.table, generator=generator)
    return world, policy, generator


@torch.no_grad()
def exact_values(
    world: ExactWorld, policy: TabularPolicy, to_go: Float[Tensor, "response token"] | None = None
) -> Float[Tensor, "response token"]:
    """V(y_<t) = E[Σ_{s ≥ t} r_s | y_<t] under the policy, for every response and token.

    `to_go` is Σ_{s ≥ t} r_s, of `world_rewards` unless given.
    """
    if to_go is None:
        to_go = world_rewards(world, policy).flip(1).cumsum(dim=1).flip(1)
    probability = sequence_logprobs(policy, world.responses).exp()
    values = torch.empty_like(to_go)
    for t in range(to_go.shape[1]):
        shape = (policy.config.vocab_size**t, -1)
        weights = probability.view(shape)
        mean = (weights * to_go[:, t].view(shape)).sum(dim=1) / weights.sum(dim=1)
        values[:, t] = mean.repeat_interleave(weights.shape[1])
    return values


def world_rewards(world: ExactWorld, policy: TabularPolicy) -> Float[Tensor, "response token"]:
    """-β k1 of every token of every response, plus the reward at its last."""
    pair = (response_logprobs(model, world.responses) for model in (policy, world.reference))
    return token_rewards(world.rewards, k1(*pair), world.responses.mask, beta=BETA)


def token_scores(world: ExactWorld, policy: TabularPolicy) -> Float[Tensor, "response token entry"]:
    """∇log π(y_t) of every token of every response, an entry for each logit of the table."""
    logprobs = response_logprobs(policy, world.responses)
    each = torch.eye(logprobs.numel(), dtype=logprobs.dtype)
    (rows,) = torch.autograd.grad(
        logprobs.flatten(), policy.table, grad_outputs=each, is_grads_batched=True
    )
    return rows.view(*logprobs.shape, -1)
