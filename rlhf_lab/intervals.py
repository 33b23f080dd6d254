"""What several seeds say together, or episodes, or batches: a mean with its confidence interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit  # scipy.stats takes a second to import


@dataclass(frozen=True)
class Interval:
    """A mean over samples and the ends of its confidence interval, one value a position."""

    mean: np.ndarray | np.floating
    low: np.ndarray | np.floating
    high: np.ndarray | np.floating

    def __format__(self, spec: str) -> str:
        """`f"{interval:.2f}"` of a single number: "0.51 [0.47, 0.55]"."""
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def mean_interval(samples: ArrayLike) -> Interval:
    """Student's 95 % interval of the mean over axis 0, mostly seeds: mean ± t · std / √n.

    Right where the samples are independent and their mean is close to normal; its ends may lie
    where no value can, as a share above 1. Raises ValueError for fewer than two samples.

    >>> f"{mean_interval([1.0, 2.0, 3.0]):.2f}"
    '2.00 [-0.48, 4.48]'
    """
    values = np.asarray(samples, dtype=float)
    if len(values) < 2:
        raise ValueError(
            f"an interval needs at least two samples (seeds, episodes, batches), got {len(values)}"
        )
    mean = values.mean(axis=0)
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    half = stdtrit(len(values) - 1, 0.975) * error
    return Interval(mean, mean - half, mean + half)


def missed_at_any(looks: Sequence[int]) -> float:
    """How often an interval of 95 % misses the true mean at one of several looks at the seeds.

    Seeds are added until the interval decides, so that each look is one more chance to be wrong.
    By simulation: 20,000 times as many normal numbers as the last look has seeds.
    """
    seeds = np.random.default_rng(0).normal(size=(max(looks), 20_000))
    found = [mean_interval(seeds[:count]) for count in looks]
    return float(np.mean(np.any([(i.low > 0) | (i.high < 0) for i in found], axis=0)))
