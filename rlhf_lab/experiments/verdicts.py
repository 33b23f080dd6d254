"""What recorded runs say of a hypothesis: that it holds, that it is refuted, or neither yet.

A hypothesis has parts. Of each part every seed gives one number, and the mean over seeds is
expected on one side of a bound. The part holds where the whole 95 % interval lies on that side, is
refuted where it lies on the other, and is undecided where it contains the bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rlhf_lab.intervals import mean_interval
from rlhf_lab.runs import Run

HOLDS, REFUTED, UNDECIDED = OUTCOMES = ("holds", "refuted", "undecided")
Recorded = Mapping[str, Sequence[Run]]  # the runs of each variant, by its name


@dataclass(frozen=True)
class Verdict:
    """One of `OUTCOMES`, and a sentence with the numbers that decide it."""

    outcome: str
    sentence: str

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"an outcome is one of {', '.join(OUTCOMES)}, got {self.outcome!r}")


def above(words: str, samples: ArrayLike, bound: float = 0.0) -> Verdict:
    """The mean is expected above the bound; `samples` has one number a seed."""
    return _part(words, samples, f"above {bound:g}", bound, float("inf"))


def below(words: str, samples: ArrayLike, bound: float = 0.0) -> Verdict:
    """The mean is expected below the bound."""
    return _part(words, samples, f"below {bound:g}", -float("inf"), bound)


def within(words: str, samples: ArrayLike, low: float, high: float) -> Verdict:
    """The mean is expected between two bounds: "no difference that matters"."""
    return _part(words, samples, f"in {low:.3g} to {high:.3g}", low, high)


def not_less(words: str, samples: ArrayLike, margin: float) -> Verdict:
    """The mean is expected to be 0 or more: "at least as much", up to a margin.

    It holds where the whole interval lies above -margin, and is refuted where it lies below: what
    is less by no more than the margin counts as alike.
    """
    found = mean_interval(samples)
    outcome = HOLDS if found.low > -margin else REFUTED if found.high < -margin else UNDECIDED
    return Verdict(
        outcome, f"{words}: {found:.3g}, expected at least 0 to within {margin:g}: {outcome}"
    )


def _part(words: str, samples: ArrayLike, expected: str, low: float, high: float) -> Verdict:
    found = mean_interval(samples)
    if low < found.low and found.high < high:
        outcome = HOLDS
    elif found.high <= low or found.low >= high:
        outcome = REFUTED
    else:
        outcome = UNDECIDED
    return Verdict(outcome, f"{words}: {found:.3g}, expected {expected}: {outcome}")


def together(*parts: Verdict) -> Verdict:
    """All parts hold: it holds. One is refuted: it is refuted. Else it is undecided."""
    found = {part.outcome for part in parts}
    outcome = next(o for o in (REFUTED, UNDECIDED, HOLDS) if o in found)
    return Verdict(outcome, "; ".join(part.sentence for part in parts))


def ends(runs: Sequence[Run], metric: str, at: int = -1) -> np.ndarray:
    """A metric's last value, or that of row `at`, one number a seed."""
    return np.array([run.metrics[metric][at] for run in runs])


def rows(runs: Sequence[Run], metric: str) -> np.ndarray:
    """A metric's whole path, one row a seed."""
    return np.array([run.metrics[metric] for run in runs])


def rises(runs: Sequence[Run], metric: str, start: int = 0) -> np.ndarray:
    """How far a metric rose from a row to the last one, one number a seed."""
    return ends(runs, metric) - ends(runs, metric, start)


def shared(first: Sequence[Run], second: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs of the seeds that both have, so that they can be compared seed by seed.

    Raises ValueError for fewer than two such seeds.
    """
    seeds = sorted({run.seed for run in first} & {run.seed for run in second})
    if len(seeds) < 2:
        raise ValueError(f"need two seeds that both variants have, got {seeds}")
    one, other = ({run.seed: run for run in runs} for runs in (first, second))
    return [one[seed] for seed in seeds], [other[seed] for seed in seeds]


def differences(
    first: Sequence[Run], second: Sequence[Run], metric: str, at: int = -1
) -> np.ndarray:
    """First less second, seed by seed."""
    one, other = shared(first, second)
    return ends(one, metric, at) - ends(other, metric, at)
