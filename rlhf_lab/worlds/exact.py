"""A world small enough to enumerate: every objective, KL and optimum is a sum, not an estimate.

One prompt, `length` tokens from `vocabulary`, so V^T responses in all, each with a known reward.
Vectors over all responses have the axis "response", in the order of `world.responses`.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.models import TabularPolicy, frozen_copy, trainable_copy
from rlhf_lab.preferences import sample_comparison
from rlhf_lab.responses import Preferences, Responses


@dataclass(frozen=True)
class ExactWorld:
    """All responses to one prompt, their rewards, and the reference policy's log-probs."""

    responses: Responses
    rewards: Float[Tensor, "response"]
    reference: nn.Module
    reference_logprobs: Float[Tensor, "response"]


def exact_world(
    *, vocabulary: int = 5, length: int = 3, reward_scale: float = 1.0, seed: int = 0
) -> ExactWorld:
    """A world in float64 with random rewards (mean 0, std `reward_scale`) and a random reference.

    The reference is a table of logits drawn from N(0, 1).
    """
    if vocabulary < 2 or length < 1:
        raise ValueError(f"need vocabulary >= 2 and length >= 1, got {vocabulary} and {length}")
    generator = torch.Generator().manual_seed(seed)
    reference = TabularPolicy(vocabulary, length).double()
    with torch.no_grad():
        reference.table.normal_(generator=generator)
    return world_around(reference, length, reward_scale, generator)


def world_around(
    reference: nn.Module, length: int, reward_scale: float, generator: torch.Generator
) -> ExactWorld:
    """The exact world of any float64 causal language model with a small vocabulary."""
    responses = all_responses(reference.config.vocab_size, length)
    draws = torch.randn(len(responses), generator=generator, dtype=torch.float64)
    rewards = reward_scale * (draws - draws.mean()) / draws.std(correction=0)
    frozen = frozen_copy(reference)
    return ExactWorld(responses, rewards, frozen, response_distribution(frozen, responses))


def all_responses(vocabulary: int, length: int) -> Responses:
    """Every sequence of `length` tokens once, as answers to the one-token prompt (0)."""
    tokens = torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))
    prompts = torch.zeros(len(tokens), 1, dtype=torch.long)
    masks = [torch.ones_like(ids, dtype=torch.bool) for ids in (prompts, tokens)]
    return Responses(prompts, masks[0], tokens, masks[1])


@torch.no_grad()
def response_distribution(policy: nn.Module, responses: Responses) -> Float[Tensor, "response"]:
    """log π(y) of every response; the probabilities sum to 1."""
    return sequence_logprobs(policy, responses)


def log_partition(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"], *, beta: float
) -> Float[Tensor, ""]:
    """log Z = log Σ_y ref(y) exp(r(y) / β)."""
    return torch.logsumexp(reference + rewards / beta, dim=0)


def optimal_logprobs(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"], *, beta: float
) -> Float[Tensor, "response"]:
    """log π*(y) = log ref(y) + r(y) / β - log Z (Rafailov et al. 2023, Eq. 4)."""
    return reference + rewards / beta - log_partition(reference, rewards, beta=beta)


def kl_divergence(p: Float[Tensor, "response"], q: Float[Tensor, "response"]) -> Float[Tensor, ""]:
    """KL(p ‖ q) = Σ_y p(y) [log p(y) - log q(y)] of two vectors of log-probs, in nats."""
    return (p.exp() * (p - q)).sum()


def total_variation(
    p: Float[Tensor, "response"], q: Float[Tensor, "response"]
) -> Float[Tensor, ""]:
    """TV(p, q) = ½ Σ_y |p(y) - q(y)|: the largest error in the probability of any event."""
    return (p.exp() - q.exp()).abs().sum() / 2


def objective(
    policy: Float[Tensor, "response"],
    reference: Float[Tensor, "response"],
    rewards: Float[Tensor, "response"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """J(π) = E_π[r] - β KL(π ‖ ref), to be maximised."""
    return (policy.exp() * rewards).sum() - beta * kl_divergence(policy, reference)


def expected_dpo_loss(
    policy: Float[Tensor, "response"],
    reference: Float[Tensor, "response"],
    rewards: Float[Tensor, "response"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """-2 Σ_{w,l} ref(w) ref(l) σ(r_w - r_l) log σ(r̂_w - r̂_l): DPO's loss on endless data.

    Both responses come from the reference and Bradley-Terry labels the pair; r̂ = β log(π/ref).
    """
    implicit = beta * (policy - reference)
    pair = reference.exp()[:, None] * reference.exp()[None, :]
    first_wins = torch.sigmoid(rewards[:, None] - rewards[None, :])
    log_likelihood = nn.functional.logsigmoid(implicit[:, None] - implicit[None, :])
    return -2 * (pair * first_wins * log_likelihood).sum()


def sample_pairs(world: ExactWorld, count: int, generator: torch.Generator) -> Preferences:
    """`count` pairs of responses drawn from the reference, labelled by Bradley-Terry."""
    drawn = torch.multinomial(
        world.reference_logprobs.exp(), 2 * count, replacement=True, generator=generator
    ).view(2, count)
    first_wins = sample_comparison(*world.rewards[drawn], generator)
    winners = torch.where(first_wins, drawn[0], drawn[1])
    losers = torch.where(first_wins, drawn[1], drawn[0])
    return Preferences(world.responses[winners], world.responses[losers])


def starting_policy(world: ExactWorld) -> nn.Module:
    """A policy to train that begins as the reference."""
    return trainable_copy(world.reference)
