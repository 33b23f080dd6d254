"""Two models of preferences between a few responses, fitted to counts of wins."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.experiments.smooth_minimum import minimum
from rlhf_lab.rewards.preferencewise import preference_logit

COUNT = 7
COLUMNS = 4  # of each embedding: two planes to turn in
Logits = Float[Tensor, "first second"]
Wins = Float[Tensor, "winner loser"]


def by_scores(wins: Wins, _generator: torch.Generator) -> Logits:
    """Log-odds of Bradley-Terry's best fit: a number for each response."""
    return differences(fitted(torch.zeros(COUNT, dtype=torch.float64), wins, differences))


def by_embeddings(wins: Wins, generator: torch.Generator) -> Logits:
    """Log-odds of the general preference model's best fit, the best of three starts."""
    starts = [torch.randn(COUNT, COLUMNS, generator=generator).double() for _ in range(3)]
    found = [odds(fitted(start, wins, odds)) for start in starts]
    return max(found, key=lambda logits: (wins * logsigmoid(logits)).sum().item())


FITS = {"score": by_scores, "general": by_embeddings}


def differences(scores: Float[Tensor, "item"]) -> Logits:
    """r_i - r_j."""
    return scores[:, None] - scores[None, :]


def odds(embeddings: Float[Tensor, "item column"]) -> Logits:
    """`preference_logit` of every two."""
    both = torch.broadcast_tensors(embeddings[:, None], embeddings[None, :])
    return preference_logit(*both)


def fitted(start: Tensor, wins: Wins, logits: Callable[[Tensor], Logits]) -> Tensor:
    """argmin of -Σ wins log σ(logits) + 0.01 |numbers|², from a start."""

    def loss(numbers: Tensor) -> Tensor:
        return -(wins * logsigmoid(logits(numbers))).sum() + 0.01 * numbers.square().sum()

    return minimum(loss, start, iterations=60)
