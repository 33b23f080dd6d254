"""The base model of sums: its texts here; what it has learned, once it is trained and cached."""

import torch

from rlhf_lab.experiments.supervision import answers
from rlhf_lab.train import sums_model
from rlhf_lab.worlds import sums


def test_the_first_texts_are_solutions_of_two_to_five_digits():
    texts = sums_model.solutions(400, seed=0)
    assert sums.flawless(texts).all()
    digits = (texts.prompt_mask.sum(dim=1) - 2) // 2
    assert set(digits.tolist()) == {2, 3, 4, 5}
    assert torch.equal(texts.tokens, sums_model.solutions(400, seed=0).tokens)


def test_another_schedule_is_another_model(monkeypatch):
    before = sums_model._recipe()
    monkeypatch.setattr(sums_model, "FIRST_STEPS", sums_model.FIRST_STEPS + 1)
    assert sums_model._recipe() != before


def test_it_adds_as_people_do_with_slips_that_do_not_always_spoil_the_answer():
    """Demonstrations are right in 0.63 of cases and flawless in 0.18."""
    drawn = answers(sums_model.sums_model(), sums.problems(600, seed=1), seed=0)
    right, flawless = sums.outcome_rewards(drawn).mean(), sums.flawless(drawn).float().mean()
    assert 0.4 < right < 0.75
    assert 0.08 < flawless < 0.35
    assert flawless / right < 0.5
