"""Information against its limits, a table of counts, and what no processing can add."""

import math

import pytest
import torch

from rlhf_lab.experiments.label_information import (
    CUTS,
    comparison_information,
    per_response_read,
    ranking_information,
    rating_information,
    thumb_information,
)


def test_without_noise_a_label_says_all_that_it_can():
    sharp = {"temperature": 1e-3}
    assert thumb_information(**sharp) == pytest.approx(math.log(2), abs=0.01)
    assert comparison_information(**sharp) == pytest.approx(math.log(2), abs=0.01)
    assert ranking_information(4, **sharp, seed=0) == pytest.approx(math.log(24), abs=0.01)
    edges = torch.distributions.Normal(0, 1).cdf(torch.tensor([-math.inf, *CUTS, math.inf]))
    cells = edges.diff()
    assert rating_information(**sharp) == pytest.approx(
        -(cells * cells.log()).sum().item(), abs=0.01
    )


def test_noise_leaves_nothing():
    for information in (thumb_information, rating_information, comparison_information):
        assert information(temperature=1e4) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"temperature": 0}, {"temperature": math.inf}]
)
def test_a_temperature_that_is_none_is_refused(wrong):
    for information in (thumb_information, rating_information, comparison_information):
        with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
            information(**wrong)
    with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
        ranking_information(4, **wrong, seed=0)


def test_bars_that_spread_by_less_than_nothing_and_rankings_of_none_are_refused():
    with pytest.raises(ValueError, match="bar_spread must be a finite number, 0 or above"):
        per_response_read(temperature=1.0, bar_spread=-1.0)
    with pytest.raises(ValueError, match="size must be a whole number, 1 or above"):
        ranking_information(0, temperature=1.0, seed=0)


def test_a_ranking_of_two_is_a_comparison():
    sampled = ranking_information(2, temperature=0.7, seed=1)
    assert sampled == pytest.approx(comparison_information(temperature=0.7), abs=0.01)


def test_a_thumb_says_what_a_table_of_simulated_thumbs_says():
    generator = torch.Generator().manual_seed(0)
    worth, bar = torch.randn(2, 400_000, generator=generator, dtype=torch.float64)
    up = torch.rand(worth.shape, generator=generator) < torch.sigmoid((worth - 0.8 * bar) / 0.5)
    cell = torch.bucketize(worth, torch.linspace(-3, 3, 61, dtype=torch.float64))
    table = torch.zeros(62, 2, dtype=torch.float64)
    table.index_put_((cell, up.long()), torch.ones_like(worth), accumulate=True)
    joint = table / table.sum()
    independent = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    seen = torch.special.xlogy(joint, joint / independent).nan_to_num().sum().item()
    assert thumb_information(temperature=0.5, bar_spread=0.8) == pytest.approx(seen, abs=2e-3)


def test_more_points_never_say_less_and_unknown_bars_never_more():
    spreads = (0.0, 0.5, 1.0, 2.0)
    said = [per_response_read(temperature=0.5, bar_spread=spread) for spread in spreads]
    for kind in ("thumb", "rating"):
        values = [table[kind] for table in said]
        assert values == sorted(values, reverse=True)
    assert len({table["comparison"] for table in said}) == 1
    assert all(0 < table["thumb"] < table["rating"] for table in said)
