"""How gold depends on the KL that was paid for it: the two curves of Gao et al. 2022, and fits.

With d = √KL(π ‖ ref), in √nats, the gain in gold over the reference is
    best of n:               d (α - β d)
    reinforcement learning:  d (α - β log d)
(their section 1; how well they fit, section 3.1). α is what the first steps gain, β how soon gold
falls. Both are linear in α and β, so that least squares has one solution.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

Terms = Callable[[np.ndarray], np.ndarray]


def best_of_n_terms(d: np.ndarray) -> np.ndarray:
    """d and -d², one column each: the terms that α and β stand before."""
    return np.stack([d, -(d**2)], axis=1)


def reinforcement_terms(d: np.ndarray) -> np.ndarray:
    """d and -d log d, which is 0 at d = 0."""
    return np.stack([d, -d * np.log(np.where(d > 0, d, 1.0))], axis=1)


@dataclass(frozen=True)
class GoldCurve:
    """A fitted curve of gold's gain against the KL."""

    terms: Terms
    alpha: float
    beta: float

    def gain(self, kl: ArrayLike) -> np.ndarray:
        """The gain in gold at each KL in nats."""
        d = np.sqrt(np.asarray(kl, dtype=float))
        return self.terms(d) @ np.array([self.alpha, self.beta])


def fitted(terms: Terms, kl: ArrayLike, gain: ArrayLike) -> GoldCurve:
    """The curve of least squares through (KL in nats, gain in gold), which is 0 at KL 0.

    Raises ValueError for arrays that do not fit or are not finite, a negative KL, or fewer than two
    different KLs above 0.
    """
    kl, gain = np.asarray(kl, dtype=float), np.asarray(gain, dtype=float)
    if kl.ndim != 1 or kl.shape != gain.shape:
        raise ValueError(f"need one gain a KL, in one axis, got {gain.shape} for {kl.shape}")
    if not (np.isfinite(kl).all() and np.isfinite(gain).all()):
        raise ValueError("every KL and gain must be a finite number: leave the other points out")
    if (kl < 0).any() or len(np.unique(kl[kl > 0])) < 2:
        raise ValueError("need KLs of 0 or above and two different ones above 0 for two numbers")
    (alpha, beta), *_ = np.linalg.lstsq(terms(np.sqrt(kl)), gain, rcond=None)
    return GoldCurve(terms, float(alpha), float(beta))
