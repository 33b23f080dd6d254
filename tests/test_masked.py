import pytest
import torch
from jaxtyping import TypeCheckError

from rlhf_lab.masked import (
    masked_mean,
    mean_over_tokens,
    scale_to_unit_variance,
    sum_over_tokens,
    whiten,
)

X = torch.tensor([[1.0, 2.0, torch.nan], [6.0, torch.inf, torch.nan]], dtype=torch.float64)
MASK = torch.tensor([[True, True, False], [True, False, False]])
REAL = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)


def test_padding_of_any_value_is_ignored():
    assert sum_over_tokens(X, MASK).tolist() == [3.0, 6.0]
    assert mean_over_tokens(X, MASK).tolist() == [1.5, 6.0]
    assert masked_mean(X, MASK).item() == 3.0


def test_the_three_means_differ_where_lengths_differ():
    """Token mean 3, mean of response means 3.75: two objectives that trainers mix up."""
    assert masked_mean(X, MASK).item() != mean_over_tokens(X, MASK).mean().item()


def test_whitening_gives_mean_0_and_unbiased_std_1():
    real = whiten(X, MASK)[MASK]
    assert real.mean().item() == pytest.approx(0, abs=1e-12)
    assert real.std(correction=1).item() == pytest.approx(1, abs=1e-7)
    assert (whiten(X, MASK)[~MASK] == 0).all()


def test_scaling_keeps_the_ratios_of_rewards():
    real = scale_to_unit_variance(X, MASK)[MASK]
    assert torch.allclose(real / real[0], REAL / REAL[0])
    assert real.std(correction=1).item() == pytest.approx(1, abs=1e-7)
    assert (scale_to_unit_variance(X, MASK)[~MASK] == 0).all()


def test_a_mean_of_float16_has_room_for_the_sum():
    ones = torch.ones(64, 2048, dtype=torch.float16)
    assert masked_mean(ones, ones.bool()) == 1  # 131,072 is ∞ in float16
    assert (whiten(ones[:2] / 2, ones[:2].bool()) == 0).all()


def test_padding_gets_no_gradient():
    x = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    masked_mean(x, MASK).backward()
    assert x.grad.tolist() == [[1 / 3, 1 / 3, 0], [1 / 3, 0, 0]]


def test_a_constant_stays_finite_when_whitened():
    assert (whiten(torch.full((2, 3), 5.0), MASK) == 0).all()


def test_a_constant_is_whitened_to_0_and_not_to_the_rounding_of_its_mean():
    x, mask = torch.full((1, 11), 12345.678), torch.arange(11)[None] < 10
    x[0, 10] = 3.0  # a pad
    assert masked_mean(x, mask) != x[0, 0]
    assert (whiten(x, mask) == 0).all()
    assert whiten(torch.where(torch.arange(11) == 4, torch.nan, x), mask)[mask].isnan().all()
    assert whiten(torch.where(torch.arange(11) == 4, 12345.0, x), mask)[0, 4] < -2


def test_shapes_are_checked_while_the_tests_run():
    with pytest.raises(TypeCheckError, match="mask"):
        masked_mean(X, MASK[0])
