"""Mistakes in the slope of DPO's loss and in the best of n."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Pairs, Scores = Float[Tensor, "pair"], Float[Tensor, "prompt response"]
Picked = Int[Tensor, "prompt"]


def weight_reversed(chosen_logratio: Pairs, rejected_logratio: Pairs, beta: float) -> Pairs:
    """The weight is σ(r_w - r_l): pairs that are ranked rightly are pulled hardest."""
    return -beta * torch.sigmoid(beta * (chosen_logratio - rejected_logratio))


def beta_missing(chosen_logratio: Pairs, rejected_logratio: Pairs, beta: float) -> Pairs:
    """The factor β in front is missing."""
    return -torch.sigmoid(beta * (rejected_logratio - chosen_logratio))


def no_weight(chosen_logratio: Pairs, rejected_logratio: Pairs, beta: float) -> Pairs:
    """Every pair has the weight one half, as if nothing had been learned yet."""
    return -beta / 2 * torch.ones_like(chosen_logratio)


def upwards(chosen_logratio: Pairs, rejected_logratio: Pairs, beta: float) -> Pairs:
    """The sign is that of the objective: an optimiser that subtracts it unlearns."""
    return beta * torch.sigmoid(beta * (rejected_logratio - chosen_logratio))


def the_worst(scores: Scores) -> Picked:
    """The response with the lowest score."""
    return scores.argmin(dim=1)


def best_of_the_batch(scores: Scores) -> Picked:
    """One maximum over the whole batch, numbered through."""
    return scores.argmax().expand(len(scores)).clone()


def across_prompts(scores: Scores) -> Picked:
    """The maximum is taken over the prompts: the wrong axis."""
    return scores.argmax(dim=0)


DPO_GRADIENT = (
    Bug(function=weight_reversed, looks="Margins explode, since learned pairs are pulled most."),
    Bug(function=beta_missing, looks="As a larger rate; Adam hides it."),
    Bug(function=no_weight, looks="Fits noise without end: a hinge that never closes."),
    Bug(function=upwards, looks="The loss rises from ln 2."),
)
BEST_OF_N = (
    Bug(function=the_worst, looks="Gold falls as n grows."),
    Bug(function=best_of_the_batch, looks="An index error, or the same number for all prompts."),
    Bug(
        function=across_prompts,
        looks="A wrong shape or an index error, unless there are as many prompts as responses.",
    ),
)
