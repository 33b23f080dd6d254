"""How much can one label say, before any model is fitted to it? (FB-1, FB-4, FB-7)

Mutual information, in nats, between what a label says and the worths of the responses shown, which
are N(0, 1): ln 2 at most for a thumb or a comparison, ln 5 for five points, ln K! for a ranking.
Hypothesis: for each response read, a thumb says more than a comparison, five points more than a
thumb, and rankings the more the longer they are; and where each label comes from somebody with a
bar of their own, N(0, bar_spread²), that nobody knows, thumbs and points lose and comparisons do
not. Refuted by another order. All is integrated, but for rankings, which are sampled.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import entr

from rlhf_lab.preferences import plackett_luce_logprob, sample_ranking
from rlhf_lab.settings import require_count, require_not_negative, require_positive

CUTS = (-1.0, -0.33, 0.33, 1.0)  # worths at which a rating goes up by one point
DRAWS = 20_000
GRID = torch.linspace(-8, 8, 1601, dtype=torch.float64)
NORMAL = torch.softmax(-GRID.square() / 2, dim=0)  # what N(0, 1) gives each point of the grid


def thumb_information(*, temperature: float, bar_spread: float = 0.0) -> float:
    """I(worth; thumb) = H(up) - E H(up | worth), where P(up | worth) = E_bar σ((worth - bar)/T)."""
    return _information(_above([0.0], temperature, bar_spread))


def rating_information(*, temperature: float, bar_spread: float = 0.0) -> float:
    """I(worth; points) with the cuts `CUTS`, which all move with the bar."""
    return _information(_above(CUTS, temperature, bar_spread))


def comparison_information(*, temperature: float) -> float:
    """I(two worths; who won) = ln 2 - E H(σ((w_1 - w_2)/T)); a bar cancels in the difference."""
    require_positive(temperature=temperature)
    won = torch.sigmoid(math.sqrt(2) * GRID / temperature)
    return math.log(2) - float(NORMAL @ (entr(won) + entr(1 - won)))


def ranking_information(size: int, *, temperature: float, seed: int) -> float:
    """I(K worths; order) = ln K! + E log p(order | worths), over `DRAWS` Plackett-Luce orders."""
    require_count(size=size)
    require_positive(temperature=temperature)
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(DRAWS, size, generator=generator, dtype=torch.float64) / temperature
    best_first = scores.gather(1, sample_ranking(scores, generator))
    return math.lgamma(size + 1) + plackett_luce_logprob(best_first).mean().item()


def per_response_read(*, temperature: float, bar_spread: float) -> dict[str, float]:
    """Nats for each response read, of every kind of label."""
    bar = {"temperature": temperature, "bar_spread": bar_spread}
    rankings = {
        f"ranking of {size}": ranking_information(size, temperature=temperature, seed=0) / size
        for size in (4, 8)
    }
    return {
        "thumb": thumb_information(**bar),
        "rating": rating_information(**bar),
        "comparison": comparison_information(temperature=temperature) / 2,
    } | rankings


def _above(cuts, temperature: float, bar_spread: float) -> Float[Tensor, "worth cut"]:
    """P(felt worth is above each cut | worth), over the noise and over bars."""
    require_positive(temperature=temperature)
    require_not_negative(bar_spread=bar_spread)
    places = GRID[:, None, None] - torch.tensor(cuts, dtype=torch.float64)[:, None]
    felt = (places - bar_spread * GRID[::20]) / temperature
    weights = NORMAL[::20] / NORMAL[::20].sum()
    return felt.sigmoid() @ weights


def _information(above: Float[Tensor, "worth cut"]) -> float:
    """H(label) - E H(label | worth) of the labels between the cuts."""
    ends = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
    falling = torch.cat([ends[0], above, ends[1]], dim=1)
    labels = (falling[:, :-1] - falling[:, 1:]).clamp(min=0)
    return float(entr(NORMAL @ labels).sum() - NORMAL @ entr(labels).sum(dim=1))
