"""Models of preference: how likely a comparison or a ranking is, given rewards."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid


def bradley_terry_logprob(
    winner: Float[Tensor, "*item"], loser: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """log p(winner ≻ loser) = log σ(r_winner - r_loser) (Bradley and Terry 1952)."""
    return logsigmoid(winner - loser)


def plackett_luce_logprob(
    best_first: Float[Tensor, "*item rank"],
) -> Float[Tensor, "*item"]:
    """log Π_k exp(r_k) / Σ_{j ≥ k} exp(r_j): the rewards of one ranking, best first.

    The best is chosen among all, the second among those left, and so on (Plackett 1975).
    For two responses it is Bradley-Terry.
    """
    left_over = best_first.flip(-1).logcumsumexp(dim=-1).flip(-1)
    return (best_first - left_over).sum(dim=-1)


def preference_accuracy(
    winner: Float[Tensor, "*item"], loser: Float[Tensor, "*item"]
) -> Float[Tensor, ""]:
    """The share of pairs that the rewards rank rightly; a tie counts half, as a coin would."""
    return ((winner > loser).double() + (winner == loser).double() / 2).mean()


def sample_comparison(
    first: Float[Tensor, "*item"], second: Float[Tensor, "*item"], generator: torch.Generator
) -> Bool[Tensor, "*item"]:
    """True where the first response won a draw from Bradley-Terry."""
    uniform = torch.rand(first.shape, generator=generator, dtype=first.dtype)
    return uniform < torch.sigmoid(first - second)


def sample_ranking(
    rewards: Float[Tensor, "*item rank"], generator: torch.Generator
) -> Int[Tensor, "*item rank"]:
    """Indices best first, drawn from Plackett-Luce: sort the rewards after adding Gumbel noise."""
    exponential = torch.empty_like(rewards).exponential_(generator=generator)
    return (rewards - exponential.log()).argsort(dim=-1, descending=True)
