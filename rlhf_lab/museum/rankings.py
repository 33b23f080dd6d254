"""Mistakes in the probability of a whole ranking."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.museum.bug import Bug

Ranked, Items = Float[Tensor, "*item rank"], Float[Tensor, "*item"]


def with_replacement(best_first: Ranked) -> Items:
    """Each place is drawn among all responses, those already placed included."""
    return best_first.log_softmax(dim=-1).sum(dim=-1)


def worst_first(best_first: Ranked) -> Items:
    """The ranking is read from its end: the worst is chosen first, which is another model."""
    return chosen_one_by_one(best_first.flip(-1))


def all_pairs_independent(best_first: Ranked) -> Items:
    """The pairs of the ranking are multiplied as if each had been asked for by itself."""
    count = best_first.shape[-1]
    winner, loser = torch.triu_indices(count, count, offset=1)
    return logsigmoid(best_first[..., winner] - best_first[..., loser]).sum(dim=-1)


def first_place_only(best_first: Ranked) -> Items:
    """Only the first choice counts; the order of the others is thrown away."""
    return best_first.log_softmax(dim=-1)[..., 0]


def chosen_one_by_one(best_first: Tensor) -> Tensor:
    """Σ_k [r_k - log Σ_{j ≥ k} e^{r_j}], as it should be."""
    return (best_first - best_first.flip(-1).logcumsumexp(dim=-1).flip(-1)).sum(dim=-1)


PLACKETT_LUCE = (
    Bug(
        function=with_replacement,
        looks="Nothing of the order is learned: the sum over all places is the same for every "
        "order, and it is largest where all rewards are equal.",
    ),
    Bug(
        function=worst_first,
        looks="The loss falls, since scores learn to be low for good responses: accuracy is below "
        "one half. With the sign of the scores turned too, the fit is slightly off for K above 2.",
    ),
    Bug(
        function=all_pairs_independent,
        looks="Hardly seen: another loss of the same order. The probabilities of all orders sum to "
        "less than 1, and a ranking looks like more evidence than it is.",
    ),
    Bug(
        function=first_place_only,
        looks="Noisier: of K responses one comparison with the rest is used.",
    ),
)
