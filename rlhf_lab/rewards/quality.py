"""How good is a reward model? Accuracy, calibration, and the ceiling that noisy labels set."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.preferences import preference_accuracy
from rlhf_lab.settings import require_count
from rlhf_lab.shapes import require_floats

Numbers = Float[Tensor, "item"]


@dataclass(frozen=True)
class Calibration:
    """For each bin of predictions that is not empty: their mean, what came true, and how many."""

    predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Σ_bin count / total · |predicted - observed|: expected calibration error."""
        gaps = np.abs(self.predicted - self.observed)
        return float((self.count * gaps).sum() / self.count.sum())


def accuracy_against_gold(margins: Numbers, gold_margins: Numbers) -> Float[Tensor, ""]:
    """The share of pairs whose margin has the sign of gold's; a margin of 0 counts half.

    Pairs that are equal in gold have no right order and are left out. ValueError if all are,
    FloatingPointError for a margin of NaN.
    """
    require_floats("item", margins=margins, gold_margins=gold_margins)
    if (margins.isnan() | gold_margins.isnan()).any():
        raise FloatingPointError("a margin of NaN has no sign; look at the rewards")
    decided = gold_margins != 0
    if not decided.any():
        raise ValueError(f"all {len(gold_margins)} pairs are equal in gold: none has a right order")
    signed = (margins * gold_margins.sign())[decided]
    return preference_accuracy(signed, torch.zeros_like(signed))


def noise_ceiling(probabilities: Numbers) -> Float[Tensor, ""]:
    """mean max(p, 1 - p): the best accuracy that any model has against labels drawn with p.

    Raises ValueError where a p is not in 0..1.
    """
    _check_probabilities(probabilities)
    return torch.maximum(probabilities, 1 - probabilities).mean()


def least_error(
    rewards: Numbers, pairs: Float[Tensor, "winner loser"], *, comparisons: int
) -> Float[Tensor, ""]:
    """The root mean square error of rewards, of mean 0, that no unbiased estimator beats.

    Cramér-Rao: one comparison has the Fisher information Σ P(pair) p (1-p) (e_a - e_b)(e_a - e_b)ᵀ
    over all pairs {a, b}, p = σ(r_a - r_b); `pairs`, as from `worlds.exact.expected_pairs`, says
    how likely w beats l. The pseudo-inverse leaves out the constant that no comparison fixes.
    Raises ValueError where comparisons do not connect all responses: no bound is finite then.
    """
    require_count(comparisons=comparisons)
    p = torch.sigmoid(rewards[:, None] - rewards[None, :])
    weights = (pairs + pairs.T) * p * (1 - p)
    information = comparisons * (torch.diag(weights.sum(dim=1)) - weights)
    if torch.linalg.matrix_rank(information, hermitian=True) < len(rewards) - 1:
        raise ValueError(
            f"the comparisons fall apart into groups: of {len(rewards)} responses, some are never "
            "compared with the others, not even through a third"
        )
    return (torch.linalg.pinv(information).trace() / len(rewards)).sqrt()


def calibration(
    probabilities: Numbers, outcomes: Bool[Tensor, "item"], *, bins: int = 10
) -> Calibration:
    """Predicted against observed frequencies, in `bins` equal parts of 0..1; empty ones left out.

    Of pairs: probabilities σ(r_1 - r_2) and whether the first won. Raises ValueError where one is
    not in 0..1.
    """
    _check_probabilities(probabilities)
    predicted, happened = probabilities.double().numpy(), outcomes.double().numpy()
    count, sum_predicted, sum_happened = (
        np.histogram(predicted, bins=bins, range=(0, 1), weights=weights)[0]
        for weights in (None, predicted, happened)
    )
    held = count > 0
    number = count[held]
    return Calibration(sum_predicted[held] / number, sum_happened[held] / number, number)


def _check_probabilities(probabilities: Numbers) -> None:
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(
            f"probabilities must lie in 0..1, got {probabilities.min().item():.3g} to "
            f"{probabilities.max().item():.3g}; of margins take torch.sigmoid first"
        )
