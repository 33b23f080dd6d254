"""A right answer to every exercise: the package's own function, or one written here."""

import importlib

import torch
from torch.nn.functional import logsigmoid

from rlhf_lab.museum import logprobs as museum_of_logprobs


def response_mask(tokens, end_token):
    ends = (tokens == end_token).long()
    return ends.cumsum(dim=1) - ends == 0


def accumulated_mean(x, mask, size):
    pieces = zip(x.split(size), mask.split(size), strict=True)
    return sum((a * m).sum() for a, m in pieces) / mask.sum()


def dpo_loss(policy, reference, masks, *, beta):
    chosen, rejected = (beta * (policy - reference) * masks).sum(dim=-1)
    return -logsigmoid(chosen - rejected).mean()


def last_score(token_scores, mask):
    return token_scores[torch.arange(len(mask)), mask.sum(dim=1) - 1]


RIGHT = {
    "response_logprobs": museum_of_logprobs.no_bug,
    "response_mask": response_mask,
    "accumulated_mean": accumulated_mean,
    "last_score": last_score,
    "dpo_loss": dpo_loss,
    "dpo_gradient": lambda chosen_logratio, rejected_logratio, beta: (
        -beta * torch.sigmoid(beta * (rejected_logratio - chosen_logratio))
    ),
    "best_of_n": lambda scores: scores.argmax(dim=1),
}


def right_function(exercise):
    if exercise.name in RIGHT:
        return RIGHT[exercise.name]
    module, name = exercise.replaces.rsplit(".", 1)
    return getattr(importlib.import_module(f"rlhf_lab.{module}"), name)
