import numpy as np
import pytest

from rlhf_lab.gold_curves import GoldCurve, best_of_n_terms, fitted, reinforcement_terms

KL = np.linspace(0, 20, 41)


@pytest.mark.parametrize("terms", [best_of_n_terms, reinforcement_terms])
def test_a_fit_finds_the_curve_that_made_the_points(terms):
    curve = fitted(terms, KL, GoldCurve(terms, 0.7, 0.2).gain(KL))
    assert (curve.alpha, curve.beta) == pytest.approx((0.7, 0.2))
    assert curve.gain([0.0]) == [0.0]


def test_the_curves_turn_where_calculus_says():
    """d (α - β d) at d = α / 2β; d (α - β log d) at d = exp(α/β - 1)."""
    fine = np.linspace(0, 60, 600_001)
    for terms, peak in ((best_of_n_terms, 0.9 / 0.4), (reinforcement_terms, np.exp(0.9 / 0.4 - 1))):
        curve = GoldCurve(terms, 0.9, 0.2 if terms is best_of_n_terms else 0.4)
        assert fine[curve.gain(fine).argmax()] == pytest.approx(peak**2, rel=1e-3)


def test_points_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one gain a KL"):
        fitted(best_of_n_terms, [1.0, 2.0], [1.0])
    for kl in ([0.0, 2.0], [4.0, 4.0]):
        with pytest.raises(ValueError, match="two different ones above 0"):
            fitted(best_of_n_terms, kl, [0.0, 1.0])
    for bad in (float("nan"), float("inf")):
        for kl, gain in (([1.0, bad, 3.0], [0.0, 1.0, 2.0]), ([1.0, 2.0, 3.0], [0.0, bad, 2.0])):
            with pytest.raises(ValueError, match="every KL and gain must be a finite number"):
                fitted(reinforcement_terms, kl, gain)
    with pytest.raises(ValueError, match="0 or above"):
        fitted(best_of_n_terms, [-1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
