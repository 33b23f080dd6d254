"""Preferencewise reward models: the odds of one response against another, which may run in circles.

A score for each response makes preferences transitive; rock, paper and scissors have none. The
general preference model gives each response a vector instead (Zhang et al. 2024).
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.shapes import require_floats, require_rankings

Embeddings = Float[Tensor, "*item column"]


def preference_logit(first: Embeddings, second: Embeddings) -> Float[Tensor, "*item"]:
    """s(y, y') = Σ_k (v_2k v'_2k+1 - v_2k+1 v'_2k): log-odds that y is preferred to y'.

    A skew-symmetric form, so s(y', y) = -s(y, y') and s(y, y) = 0. Two columns are enough for one
    circle. P(y ≻ y') = σ(s) (Zhang et al. 2024, section 4; theirs also scales each plane by
    a gate). Raises ValueError for two shapes and for an odd number of columns.
    """
    require_floats("*item", first=first, second=second)
    if first.shape[-1] % 2:
        raise ValueError(f"embeddings need an even number of columns, got {first.shape[-1]}")
    left, right = first.unflatten(-1, (-1, 2)), second.unflatten(-1, (-1, 2))
    return (left[..., 0] * right[..., 1] - left[..., 1] * right[..., 0]).sum(dim=-1)


def general_preference_loss(best_first: Float[Tensor, "batch rank column"]) -> Float[Tensor, ""]:
    """-mean log σ(s(y_w, y_l)) over all K(K-1)/2 pairs of each ranking, best first.

    Raises ValueError unless K is 2 or more.
    """
    require_rankings("batch rank column", best_first=best_first)
    count = best_first.shape[1]
    winner, loser = torch.triu_indices(count, count, offset=1, device=best_first.device)
    return -logsigmoid(preference_logit(best_first[:, winner], best_first[:, loser])).mean()
