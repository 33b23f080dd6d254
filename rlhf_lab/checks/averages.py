"""Exercises on means over tokens."""

import statistics

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import numbers, right_padded, with_noise_at_padding
from rlhf_lab.museum import averages as museum


def padded_numbers(generator: torch.Generator) -> dict:
    """Numbers with a mean that is not 0, and noise at the padding."""
    mask = right_padded(generator, 4, 6)
    x = 1 + 2 * numbers(generator, 4, 6)
    return {"x": with_noise_at_padding(x, mask, generator), "mask": mask}


def micro_batches(generator: torch.Generator) -> dict:
    """A batch of five responses, to be taken two at a time."""
    mask = right_padded(generator, 5, 6)
    x = with_noise_at_padding(1 + numbers(generator, 5, 6), mask, generator)
    return {"x": x, "mask": mask, "size": 2}


def real_numbers(x, mask):
    """The numbers at real tokens as a list."""
    both = zip(x.flatten().tolist(), mask.flatten().tolist(), strict=True)
    return [value for value, real in both if real]


def mean_of_real(x, mask):
    """The mean of the list of real numbers."""
    return statistics.fmean(real_numbers(x, mask))


def mean_of_real_whatever_the_size(x, mask, size):
    """Micro-batches change nothing."""
    return mean_of_real(x, mask)


def standardised(x, mask):
    """Each real number less the mean, over the unbiased std; 0 at padding."""
    real = real_numbers(x, mask)
    mean, std = statistics.fmean(real), statistics.stdev(real)
    rows = zip(x.tolist(), mask.tolist(), strict=True)
    return torch.tensor(
        [[(v - mean) / std if real else 0.0 for v, real in zip(*row, strict=True)] for row in rows]
    )


masked_mean = Exercise(
    name="masked_mean",
    asks="the mean over all real tokens of a batch",
    inputs=padded_numbers,
    truth=mean_of_real,
    bugs=museum.MEANS,
    replaces="masked.masked_mean",
)
whiten = Exercise(
    name="whiten",
    asks="(x - mean) / std over all real tokens, with the unbiased std, and 0 at padding",
    inputs=padded_numbers,
    truth=standardised,
    bugs=museum.WHITENINGS,
    replaces="masked.whiten",
)
accumulated_mean = Exercise(
    name="accumulated_mean",
    asks="the mean over all real tokens of a batch, worked out from micro-batches of `size` rows",
    inputs=micro_batches,
    truth=mean_of_real_whatever_the_size,
    bugs=museum.MICRO_BATCHES,
)
EXERCISES = (masked_mean, whiten, accumulated_mean)
