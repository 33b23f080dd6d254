import pytest
import torch

from rlhf_lab.experiments import negative_feedback
from rlhf_lab.experiments.learned_reward import fitted_reward, one_number_a_response
from rlhf_lab.experiments.negative_pairs import GENERATORS, disliked, negative
from rlhf_lab.worlds.exact import exact_world

SMALL = exact_world(vocabulary=3, length=2, seed=0)


@pytest.mark.parametrize("name", GENERATORS)
def test_the_reward_tends_to_log_generator_less_log_rejected(name):
    """σ(log q/p (a) - log q/p (b)) is the odds that of {a, b} the generated one is a."""
    writes = GENERATORS[name](SMALL)
    pairs, _ = negative(SMALL, writes, 0, torch.Generator())
    fitted = fitted_reward(one_number_a_response(SMALL), pairs, ridge=1e-9)
    limit = writes - disliked(SMALL)
    error = (fitted - fitted.mean()) - (limit - limit.mean())
    assert error.abs().max() < 1e-3


def test_drawn_pairs_are_as_frequent_as_expected():
    writes = GENERATORS["model with a habit"](SMALL)
    expected, _ = negative(SMALL, writes, 0, torch.Generator())
    observed, count = negative(SMALL, writes, 200_000, torch.Generator().manual_seed(0))
    error = (expected * (1 - expected) / count).sqrt()
    assert ((observed - expected).abs() < 4.5 * error).all()
    down = (SMALL.reference_logprobs.exp() * torch.sigmoid(-SMALL.rewards)).sum()
    assert count == pytest.approx(200_000 * down.item(), rel=0.02)


def test_a_habit_stays_with_endless_labels_and_positive_feedback_ends_at_the_best(monkeypatch):
    monkeypatch.setattr(negative_feedback, "BUDGETS", (2000,))
    table = negative_feedback.run(0, generator="model with a habit")
    assert table["begins"][-1] > 3 * table["should_begin"][-1]
    table = negative_feedback.run(0, generator=None)
    assert table["objective"][-1] == pytest.approx(table["possible"][-1], abs=1e-3)
    assert table["begins"][-1] == pytest.approx(table["should_begin"][-1], rel=0.02)
    assert table["objective"][0] < table["objective"][-1]
