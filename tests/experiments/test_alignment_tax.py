from rlhf_lab.experiments import alignment_tax, policy_reviews
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.review_grammar import entropy_per_token


def test_the_pretrained_model_comes_near_the_least_loss_that_there_is():
    loss = alignment_tax.pretraining_loss(review_model())
    assert entropy_per_token() - 0.05 < loss < entropy_per_token() + 0.3


def test_pretraining_texts_keep_the_loss_on_them_lower_than_ppo_alone_does(monkeypatch):
    monkeypatch.setattr(policy_reviews, "EVALUATED", 32)
    short = {"beta": 0.05, "steps": 6, "every": 6}
    alone = alignment_tax.run(0, gamma_ptx=0.0, **short)
    mixed = alignment_tax.run(0, gamma_ptx=0.5, **short)
    assert alone["pretraining_loss"][0] == mixed["pretraining_loss"][0]
    assert alone["pretraining_loss"][0] < mixed["pretraining_loss"][1] + 0.05
    assert mixed["pretraining_loss"][1] < alone["pretraining_loss"][1] - 0.1
