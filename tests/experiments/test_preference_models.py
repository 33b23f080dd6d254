import pytest
import torch

from rlhf_lab.experiments import preference_models
from rlhf_lab.experiments.preference_fits import COUNT, FITS
from rlhf_lab.experiments.preference_models import TRUTHS, accuracy, circles, of_pairs


@pytest.mark.parametrize("truth", TRUTHS)
def test_truths_are_antisymmetric_and_equally_hard(truth):
    logits = TRUTHS[truth]()
    assert torch.allclose(logits, -logits.T, atol=1e-12, rtol=0)
    assert of_pairs(logits.abs()).mean().item() == pytest.approx(1.5)


def test_a_ladder_has_no_circle_and_the_circle_as_many_as_can_be():
    """A round robin of odd n has at most n (n² - 1) / 24 circles of three (Kendall, Smith 1940)."""
    assert circles(TRUTHS["ladder"]()) == 0
    triples = COUNT * (COUNT - 1) * (COUNT - 2) / 6
    assert circles(TRUTHS["circle"]()) == pytest.approx(COUNT * (COUNT**2 - 1) / 24 / triples)


@pytest.mark.parametrize("truth", TRUTHS)
def test_with_every_pair_as_often_as_expected_the_general_model_finds_the_truth(truth):
    logits = TRUTHS[truth]()
    wins = 1e5 * logits.sigmoid() * (1 - torch.eye(COUNT, dtype=torch.float64))
    found = FITS["general"](wins, torch.Generator().manual_seed(0))
    assert (found - logits).abs().max() < 0.1
    by_score = FITS["score"](wins, torch.Generator())
    if truth == "ladder":
        assert (by_score - logits).abs().max() < 0.1
    else:  # all win as often as they lose: every score is the same
        assert by_score.abs().max() < 1e-3


def test_turned_labels_harm_and_more_labels_help(monkeypatch):
    monkeypatch.setattr(preference_models, "LABELS", (100, 3000))
    table = preference_models.run(0, truth="ladder", turned=0.2)
    assert table["score_circles"] == [0, 0]
    for name in FITS:
        assert table[f"{name}_accuracy"][-1] > 0.9
        assert table[f"{name}_accuracy"][-1] >= table[f"{name}_accuracy"][0]


def test_a_pair_at_even_odds_counts_half():
    assert accuracy(torch.zeros(COUNT, COUNT), TRUTHS["ladder"]()) == 0.5
