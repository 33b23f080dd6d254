"""The sums world: what is measured, on answers written by hand. No base model is trained here."""

import pytest
import torch

from rlhf_lab.experiments import supervision
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.train.loop import history
from rlhf_lab.worlds import sum_steps, sums


def tiny():
    """A model of random weights: what it writes does not matter."""
    return tiny_gpt2(len(sums.VOCABULARY), layers=1, width=8, heads=2, context=48, seed=0)


@pytest.fixture
def answers_by_hand(monkeypatch):
    """Two problems of three digits, two of five: right, right over a slip, wrong, and right."""
    rows = [
        ([3, 8, 4], "3 + 8 = 1 ; 1 + 4 = 5 ; ans 5"),
        ([3, 8, 4], "3 + 8 = 2 ; 1 + 4 = 5 ; ans 5"),
        ([1, 1, 1, 1, 1], "1 + 1 = 2 ; 2 + 1 = 3 ; 3 + 1 = 4 ; 4 + 1 = 6 ; ans 6"),
        ([1, 1, 1, 1, 1], sum_steps.solution([1, 1, 1, 1, 1])),
    ]
    questions = [sums.encode(sum_steps.question(digits)) for digits, _ in rows]
    texts = [[*sums.encode(text), sums.END] for _, text in rows]
    monkeypatch.setattr(supervision, "answers", lambda *_, **__: supervision.pad(questions, texts))


def test_a_right_answer_over_a_slip_is_right_but_not_flawless(answers_by_hand):
    measured = supervision.evaluated(tiny(), seed=0)
    assert measured["right"] == pytest.approx(3 / 4)
    assert measured["flawless"] == pytest.approx(2 / 4)
    assert measured["invalid"] == pytest.approx(1 / 3)


def test_where_no_answer_is_right_none_of_the_right_ones_is_invalid(answers_by_hand, monkeypatch):
    wrong = supervision.answers(None, None)[2:3]
    monkeypatch.setattr(supervision, "answers", lambda *_, **__: wrong)
    with pytest.raises(ValueError, match="none of 1 answers is right"):
        supervision.evaluated(tiny(), seed=0)


@pytest.mark.parametrize("settings", supervision.VARIANTS.values(), ids=supervision.VARIANTS)
def test_every_variant_trains_a_model_of_sums(settings):
    """Two steps from random weights: the settings fit the world."""
    run = history(supervision.trained(tiny(), 0, **settings, steps=2))
    assert run["kl"][0] == pytest.approx(0, abs=1e-6)
    assert all(torch.tensor(run["loss"]).isfinite())
