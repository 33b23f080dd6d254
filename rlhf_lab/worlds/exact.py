"""A world small enough to enumerate: every objective, KL and optimum is a sum, not an estimate.

One prompt, `length` tokens from `vocabulary`, so V^T responses in all, each with a known reward.
Vectors over all responses have the axis "response", in the order of `world.responses`.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.losses import implicit_reward
from rlhf_lab.models import TabularPolicy, frozen_copy, trainable_copy
from rlhf_lab.preferences import sample_comparison
from rlhf_lab.responses import Preferences, Responses, pad
from rlhf_lab.settings import require_seed


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
    require_seed(seed=seed)
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
    rows = list(itertools.product(range(vocabulary), repeat=length))
    return pad([[0]] * len(rows), rows)


@torch.no_grad()
def response_distribution(policy: nn.Module, responses: Responses) -> Float[Tensor, "response"]:
    """log π(y) of every response; the probabilities sum to 1."""
    return sequence_logprobs(policy, responses)


def pair_dpo_loss(
    policy: Float[Tensor, "response"],
    reference: Float[Tensor, "response"],
    pairs: Float[Tensor, "winner loser"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """-Σ_{w,l} pairs[w, l] log σ(r̂_w - r̂_l), r̂ = β log(π/ref): DPO's loss with weighted pairs.

    Weights from `expected_pairs` give the loss on endless data, from `observed_pairs` that on
    the data seen.
    """
    implicit = implicit_reward(policy, reference, beta=beta)
    return -(pairs * logsigmoid(implicit[:, None] - implicit[None, :])).sum()


def expected_pairs(
    reference: Float[Tensor, "response"], rewards: Float[Tensor, "response"]
) -> Float[Tensor, "winner loser"]:
    """2 ref(w) ref(l) σ(r_w - r_l): how likely Bradley-Terry makes w the winner over l.

    Both responses are drawn from the reference; the 2 counts both orders of drawing them.
    """
    drawn = reference.exp()[:, None] * reference.exp()[None, :]
    return 2 * drawn * torch.sigmoid(rewards[:, None] - rewards[None, :])


def observed_pairs(
    winners: Int[Tensor, "pair"], losers: Int[Tensor, "pair"], count: int
) -> Float[Tensor, "winner loser"]:
    """The share of each (winner, loser) among pairs given by their response numbers."""
    pairs = torch.bincount(winners * count + losers, minlength=count**2)
    return pairs.view(count, count).double() / len(winners)


def sample_pairs(
    world: ExactWorld, count: int, generator: torch.Generator
) -> tuple[Int[Tensor, "pair"], Int[Tensor, "pair"]]:
    """Numbers of the winners and losers of `count` pairs drawn from the reference.

    Bradley-Terry labels them. As `Preferences`: see `as_preferences`.
    """
    drawn = torch.multinomial(
        world.reference_logprobs.exp(), 2 * count, replacement=True, generator=generator
    ).view(2, count)
    first_wins = sample_comparison(*world.rewards[drawn], generator)
    return torch.where(first_wins, drawn[0], drawn[1]), torch.where(first_wins, drawn[1], drawn[0])


def rewards_of(world: ExactWorld, responses: Responses) -> Float[Tensor, "batch"]:
    """The world's reward of each response; a training loop takes `partial(rewards_of, world)`.

    Raises ValueError unless the world lists every sequence of its length, and these are of them.
    """
    base, length = world.reference.config.vocab_size, world.responses.tokens.shape[1]
    tokens = responses.tokens
    if len(world.rewards) != base**length:
        raise ValueError("this world's responses end: only those of one length have a number")
    if tokens.shape[1] != length or not responses.mask.all():
        lengths = sorted(set(responses.mask.sum(dim=1).tolist()))
        raise ValueError(f"responses must have {length} tokens, got lengths of {lengths}")
    if (unknown := tokens[(tokens < 0) | (tokens >= base)]).numel():
        raise ValueError(f"token ids must be 0 to {base - 1}, got {unknown[0]}")
    places = base ** torch.arange(length, device=tokens.device).flip(0)
    return world.rewards[(tokens * places).sum(dim=1)]


def as_preferences(
    world: ExactWorld, winners: Int[Tensor, "pair"], losers: Int[Tensor, "pair"]
) -> Preferences:
    """Pairs given by their response numbers, as the batch that the training loops take."""
    return Preferences(world.responses[winners], world.responses[losers])


def starting_policy(world: ExactWorld) -> nn.Module:
    """A policy to train that begins as the reference."""
    return trainable_copy(world.reference)
