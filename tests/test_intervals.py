import numpy as np
import pytest
from scipy import stats

from rlhf_lab.intervals import mean_interval, missed_at_any


def test_the_interval_is_scipys_and_works_position_by_position():
    samples = np.random.default_rng(0).normal(size=(7, 3))
    found = mean_interval(samples)
    low, high = stats.ttest_1samp(samples, 0).confidence_interval(0.95)
    assert np.allclose(found.low, low)
    assert np.allclose(found.high, high)


def test_it_covers_the_true_mean_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(5, 4000))
    found = mean_interval(draws)
    assert ((found.low < 0) & (found.high > 0)).mean() == pytest.approx(0.95, abs=0.012)


def test_one_sample_has_no_interval():
    with pytest.raises(ValueError, match=r"two samples \(seeds, episodes, batches\), got 1"):
        mean_interval([1.0])


def test_a_second_look_at_more_seeds_misses_more_often_than_one():
    assert missed_at_any([5]) == pytest.approx(0.05, abs=0.005)
    assert missed_at_any([5, 20]) == pytest.approx(0.09, abs=0.01)
    assert missed_at_any([5, 20]) > missed_at_any([5, 9]) > missed_at_any([5])
