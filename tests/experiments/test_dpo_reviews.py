import pytest
import torch

from rlhf_lab.experiments import dpo_reviews
from rlhf_lab.models import frozen_copy
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import gold_rewards


def test_before_training_the_policy_is_the_reference_and_after_it_gold_is_higher(monkeypatch):
    monkeypatch.setattr(dpo_reviews, "EVALUATED", 256)
    metrics = dpo_reviews.run(0, pairs=1000, steps=60, every=60)
    assert metrics["updates"] == [0, 60]
    assert metrics["kl"][0] == pytest.approx(0, abs=1e-4)
    assert metrics["chosen_gain"][0] == metrics["rejected_gain"][0] == 0
    assert metrics["gold"][1] > metrics["gold"][0] + 0.1
    assert metrics["accuracy"][1] > 0.6
    assert metrics["kl"][1] > 0.1


def test_about_four_labels_in_five_agree_with_gold():
    pairs = dpo_reviews.preference_pairs(frozen_copy(review_model()), 1000, seed=0)
    difference = gold_rewards(pairs.chosen) - gold_rewards(pairs.rejected)
    decided = difference[difference != 0]
    assert 0.78 < (decided > 0).double().mean().item() < 0.88


def test_same_seed_same_pairs():
    model = frozen_copy(review_model())
    one, same, other = (dpo_reviews.preference_pairs(model, 8, seed=s) for s in (1, 1, 2))
    assert torch.equal(one.chosen.tokens, same.chosen.tokens)
    assert one.chosen.tokens.shape != other.chosen.tokens.shape or not torch.equal(
        one.chosen.tokens, other.chosen.tokens
    )
