"""Rewards fitted to labels of any kind, by likelihood, with the prior N(0, 1)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from rlhf_lab.experiments.smooth_minimum import minimum
from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Thumb
from rlhf_lab.preferences import bradley_terry_logprob, plackett_luce_logprob
from rlhf_lab.rewards.quality import accuracy_against_gold


def fitted_rewards(
    labels: list[Feedback], count: int, *, temperature: float
) -> Float[Tensor, "response"]:
    """The rewards that are most likely given all labels at once."""
    return most_likely(of_labels(labels), count, temperature=temperature)


def most_likely(loglikelihood, count: int, *, temperature: float) -> Float[Tensor, "response"]:
    """argmax of log-likelihood + log N(rewards | 0, 1), by L-BFGS."""

    def loss(free: Tensor) -> Tensor:
        prior = free[:count].square().sum() / 2 + free[count:].square().sum() / 200
        return prior - loglikelihood(free[:count] / temperature, free[count:] / temperature)

    start = torch.zeros(count + 5, dtype=torch.float64)  # rewards, bar, cuts
    return minimum(loss, start, iterations=300)[:count]


def of_labels(labels: list[Feedback]):
    """log p(labels | rewards, other numbers), both in units of the temperature."""
    first = labels[0]
    if isinstance(first, Comparison):
        pairs = torch.tensor([[int(c.chosen), int(c.rejected)] for c in labels])
        return lambda r, _: bradley_terry_logprob(*r[pairs].unbind(1)).sum()
    if isinstance(first, Ranking):
        orders = torch.tensor([[int(name) for name in r.responses] for r in labels])
        return lambda r, _: plackett_luce_logprob(r[orders]).sum()
    rated = torch.tensor([int(label.response) for label in labels])
    if isinstance(first, Rating):
        scores = torch.tensor([label.score for label in labels])
        return lambda r, other: ordered_logit(r[rated], cuts(other), scores).sum()
    signs = torch.tensor([1.0 if label.up else -1.0 for label in labels])
    return lambda r, other: logsigmoid(signs * (r[rated] - other[0])).sum()


def of_thumbs_down(labels: list[Thumb], count: int, *, read: int):
    """log p(thumbs down | rewards, bar), where the thumbs up are not known, but how many were read.

    Each of `count` responses was read as often as the others, so that its number of thumbs down is
    Poisson with the mean read / count · σ((bar - r) / T). Without log n!, which is constant.
    """
    downs = torch.bincount(torch.tensor([int(t.response) for t in labels]), minlength=count)

    def loglikelihood(r, other):
        logmean = math.log(read / count) + logsigmoid(other[0] - r)
        return (downs * logmean - logmean.exp()).sum()

    return loglikelihood


def cuts(free: Float[Tensor, "number"]) -> Float[Tensor, "cut"]:
    """Four rising numbers: the first is free, each next one adds a positive step."""
    return free[0] + torch.cat([torch.zeros_like(free[:1]), softplus(free[1:4])]).cumsum(0)


def ordered_logit(rewards: Tensor, rising: Tensor, scores: Tensor) -> Tensor:
    """log [σ(r - cut_{k-1}) - σ(r - cut_k)] of the score k that was given."""
    above = torch.sigmoid(rewards[:, None] - rising)
    ends = torch.nn.functional.pad(above, (1, 0), value=1.0), torch.nn.functional.pad(above, (0, 1))
    return (ends[0] - ends[1]).gather(1, scores[:, None] - 1).clamp(min=1e-300).log()


def pair_accuracy(fitted: Float[Tensor, "response"], rewards: Float[Tensor, "response"]) -> float:
    """The share of all pairs of responses that the fitted rewards order as the true ones do."""
    better, worse = torch.triu_indices(len(rewards), len(rewards), offset=1)
    margins = fitted[better] - fitted[worse], rewards[better] - rewards[worse]
    return accuracy_against_gold(*margins).item()
