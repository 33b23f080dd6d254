"""Pairs that people judge on both sides, or on the rejected side only."""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.worlds.exact import ExactWorld, expected_pairs, observed_pairs, sample_pairs
from rlhf_lab.worlds.optimum import optimal_logprobs

HABIT = 2.0  # log-odds by which the third generator begins with token 0 more often
Logprobs = Float[Tensor, "response"]
Pairs = Float[Tensor, "winner loser"]


def positive(world: ExactWorld, read: int, draws: torch.Generator) -> tuple[Pairs, int]:
    """Shares of (winner, loser), both sides judged, and their number; for 0 the expected ones."""
    if not read:
        return expected_pairs(world.reference_logprobs, world.rewards), 0
    winners, losers = sample_pairs(world, read // 2, draws)
    return observed_pairs(winners, losers, len(world.rewards)), read // 2


def negative(
    world: ExactWorld, writes: Logprobs, read: int, draws: torch.Generator
) -> tuple[Pairs, int]:
    """Shares of (generated, rejected) and their number; for 0 the expected ones."""
    rejected = disliked(world)
    if not read:
        return writes.exp()[:, None] * rejected.exp()[None, :], 0
    shown = drawn(world.reference_logprobs, read, draws)
    uniform = torch.rand(read, generator=draws, dtype=torch.float64)
    losers = shown[uniform < torch.sigmoid(-world.rewards[shown])]
    winners = drawn(writes, len(losers), draws)
    return observed_pairs(winners, losers, len(world.rewards)), len(losers)


def disliked(world: ExactWorld) -> Logprobs:
    """log-probs of what gets a thumb down: ∝ ref(y) σ(-r(y)), the bar at the mean reward, 0."""
    return (world.reference_logprobs + torch.sigmoid(-world.rewards).log()).log_softmax(dim=0)


def drawn(logprobs: Logprobs, count: int, draws: torch.Generator) -> Tensor:
    """Numbers of `count` responses."""
    return torch.multinomial(logprobs.exp(), count, replacement=True, generator=draws)


def same_model(world: ExactWorld) -> Logprobs:
    """The reference, which wrote what people read."""
    return world.reference_logprobs


def better_model(world: ExactWorld) -> Logprobs:
    """A model that is optimal for the true reward at β = 1, the noise of people's judgement."""
    return optimal_logprobs(world.reference_logprobs, world.rewards, beta=1.0)


def model_with_a_habit(world: ExactWorld) -> Logprobs:
    """The better model, but it likes to begin with token 0."""
    return (better_model(world) + HABIT * first_is_0(world)).log_softmax(dim=0)


GENERATORS = {
    "same model": same_model,
    "better model": better_model,
    "model with a habit": model_with_a_habit,
}


def first_is_0(world: ExactWorld) -> Logprobs:
    """1 where the response begins with token 0, else 0."""
    return (world.responses.tokens[:, 0] == 0).double()
