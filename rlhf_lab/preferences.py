"""Models of preference: how likely a comparison or a ranking is, given rewards.

Each function raises ValueError unless its rewards are floats, and of one shape where they are two.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.shapes import require_floats


def bradley_terry_logprob(
    winner: Float[Tensor, "*item"], loser: Float[Tensor, "*item"]
) -> Float[Tensor, "*item"]:
    """log p(winner ≻ loser) = log σ(r_winner - r_loser) (Bradley and Terry 1952)."""
    require_floats("*item", winner=winner, loser=loser)
    return logsigmoid(winner - loser)


def plackett_luce_logprob(
    best_first: Float[Tensor, "*item rank"],
) -> Float[Tensor, "*item"]:
    """log Π_k exp(r_k) / Σ_{j ≥ k} exp(r_j): the rewards of one ranking, best first.

    The best is chosen among all, the second among those left, and so on (Plackett 1975).
    For two responses it is Bradley-Terry.
    """
    require_floats("*item", best_first=best_first)
    left_over = best_first.flip(-1).logcumsumexp(dim=-1).flip(-1)
    return (best_first - left_over).sum(dim=-1)


def preference_accuracy(
    winner: Float[Tensor, "*item"], loser: Float[Tensor, "*item"]
) -> Float[Tensor, ""]:
    """The share of pairs that the rewards rank rightly; a tie counts half, as a coin would.

    NaN where a reward is NaN.
    """
    require_floats("*item", winner=winner, loser=loser)
    right = (winner > loser).double() + (winner == loser).double() / 2
    return right.masked_fill(winner.isnan() | loser.isnan(), torch.nan).mean()


def sample_comparison(
    first: Float[Tensor, "*item"], second: Float[Tensor, "*item"], generator: torch.Generator
) -> Bool[Tensor, "*item"]:
    """True where the first response won a draw from Bradley-Terry, on the generator's device.

    Raises FloatingPointError for a reward of NaN.
    """
    require_floats("*item", first=first, second=second)
    _require_no_nan(first, second)
    drawn = {"dtype": first.dtype, "device": generator.device}
    uniform = torch.rand(first.shape, generator=generator, **drawn).to(first.device)
    return uniform < torch.sigmoid(first - second)


def sample_ranking(
    rewards: Float[Tensor, "*item rank"], generator: torch.Generator
) -> Int[Tensor, "*item rank"]:
    """Indices best first, drawn from Plackett-Luce: sort the rewards after adding Gumbel noise.

    Raises FloatingPointError for a reward of NaN.
    """
    require_floats("*item", rewards=rewards)
    _require_no_nan(rewards)
    exponential = torch.empty_like(rewards, device=generator.device)
    exponential = exponential.exponential_(generator=generator).to(rewards.device)
    return (rewards - exponential.log()).argsort(dim=-1, descending=True)


def _require_no_nan(*rewards: Tensor) -> None:
    if any(array.isnan().any() for array in rewards):
        raise FloatingPointError("a reward of NaN has no place in an order; look at the rewards")
