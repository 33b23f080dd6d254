"""An exercise on the probability of a whole ranking."""

import math

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import numbers
from rlhf_lab.museum import rankings as museum


def ranked_scores(generator: torch.Generator) -> dict:
    """Scores of four responses to each of three prompts, in the order of the ranking."""
    return {"best_first": 1.5 * numbers(generator, 3, 4)}


def one_choice_after_the_other(best_first):
    """The product of the probabilities of each choice among what is left."""
    found = []
    for row in best_first.tolist():
        left, probability = [math.exp(score) for score in row], 1.0
        while left:
            probability *= left[0] / sum(left)
            left.pop(0)
        found.append(math.log(probability))
    return torch.tensor(found)


plackett_luce_logprob = Exercise(
    name="plackett_luce_logprob",
    asks="log p of each ranking, best first: each place is a choice among those that are left",
    inputs=ranked_scores,
    truth=one_choice_after_the_other,
    bugs=museum.PLACKETT_LUCE,
    replaces="preferences.plackett_luce_logprob",
)
EXERCISES = (plackett_luce_logprob,)
