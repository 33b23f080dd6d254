import numpy as np
import pytest
import torch

from rlhf_lab.rewards.quality import accuracy_against_gold, calibration, least_error, noise_ceiling


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_accuracy_counts_signs_and_leaves_out_what_gold_does_not_decide():
    margins, gold = numbers(2, -1, 0, 5, 1), numbers(0.1, 0.1, -3, 0, 2)
    assert accuracy_against_gold(margins, gold).item() == (1 + 0 + 0.5 + 1) / 4
    assert accuracy_against_gold(-margins, gold).item() == (0 + 1 + 0.5 + 0) / 4
    with pytest.raises(ValueError, match="all 2 pairs are equal in gold"):
        accuracy_against_gold(numbers(1, 2), numbers(0, 0))
    with pytest.raises(FloatingPointError, match="a margin of NaN"):
        accuracy_against_gold(numbers(1, float("nan")), numbers(1, 1))


def test_nobody_beats_the_noise_ceiling_and_the_one_who_knows_p_meets_it():
    """The exact sum over both outcomes of every pair."""
    p = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ceiling = noise_ceiling(p).item()
    assert ceiling == pytest.approx(0.75, abs=0.04)  # E max(u, 1 - u) of a uniform u

    def expected(says_first):
        return torch.where(says_first, p, 1 - p).mean().item()

    assert expected(p > 0.5) == pytest.approx(ceiling)
    for seed in range(20):
        guess = torch.rand(200, generator=torch.Generator().manual_seed(seed)) > 0.5
        assert expected(guess) < ceiling
    assert noise_ceiling(numbers(0.5)).item() == 0.5
    assert noise_ceiling(numbers(0, 1)).item() == 1
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1, got -1 to 3; of margins"):
        noise_ceiling(numbers(3, -1))


def test_true_probabilities_are_calibrated_and_sharper_ones_are_not():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40_000, generator=generator, dtype=torch.float64)
    outcomes = torch.rand(40_000, generator=generator, dtype=torch.float64) < logits.sigmoid()
    right, sharp = (
        calibration(logits.sigmoid(), outcomes),
        calibration((3 * logits).sigmoid(), outcomes),
    )
    assert right.error < 0.01 < 0.1 < sharp.error
    assert right.count.sum() == 40_000
    assert np.abs(right.predicted - right.observed).max() < 0.03
    assert sharp.predicted[-1] > sharp.observed[-1]


def test_bins_without_a_prediction_are_left_out():
    bins = calibration(numbers(0.0, 0.95, 1.0), torch.tensor([False, True, False]))
    assert bins.count.tolist() == [1, 2]
    assert bins.predicted.tolist() == [0, 0.975]
    assert bins.observed.tolist() == [0, 0.5]
    assert bins.error == pytest.approx(2 / 3 * 0.475)


def test_two_bins_part_at_one_half():
    halves = calibration(numbers(0.0, 0.4, 0.5, 1.0), torch.tensor([True] * 4), bins=2)
    assert halves.predicted.tolist() == [0.2, 0.75]


def test_the_least_error_of_two_rewards_is_that_of_one_logit():
    """r_1 - r_2 has at best the variance 1 / (n p (1 - p)); each of the two, centred, a quarter."""
    rewards, count = numbers(0.7, -0.4), 400
    p = (rewards[0] - rewards[1]).sigmoid()
    pairs = torch.tensor([[0, p], [1 - p, 0]], dtype=torch.float64)
    expected = (1 / (4 * count * p * (1 - p))) ** 0.5
    assert least_error(rewards, pairs, comparisons=count).item() == pytest.approx(expected.item())


def test_the_least_error_falls_with_the_root_of_the_comparisons_and_ignores_a_constant():
    rewards = torch.randn(6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pairs = (rewards[:, None] - rewards[None, :]).sigmoid() / 36
    few, many = (least_error(rewards, pairs, comparisons=n).item() for n in (100, 10_000))
    assert few == pytest.approx(10 * many)
    assert least_error(rewards + 9, pairs, comparisons=100).item() == pytest.approx(few)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_margins_are_no_probabilities(wrong):
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1, got .* take torch\.sigmoid"):
        calibration(numbers(0.5, wrong), torch.tensor([True, False]))


def test_comparisons_that_do_not_connect_all_responses_bound_nothing():
    pairs = torch.zeros(4, 4, dtype=torch.float64)
    pairs[0, 1] = pairs[2, 3] = 0.5
    with pytest.raises(ValueError, match="fall apart into groups: of 4 responses"):
        least_error(numbers(0, 1, 0, 1), pairs, comparisons=10)
    pairs[1, 2] = 0.1
    assert least_error(numbers(0, 1, 0, 1), pairs, comparisons=10).isfinite()
