import torch

from rlhf_lab.experiments import three_stages
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.losses import next_token_loss
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.review_grammar import is_fluent
from rlhf_lab.worlds.reviews import LONGEST_PROMPT, gold_rewards, texts


def test_demonstrations_are_flawless_praise_cut_after_an_opening():
    shown = three_stages.demonstrations(40, seed=1)
    assert (gold_rewards(shown) > 0).all()
    assert all(is_fluent(text) for text in texts(shown))
    words = shown.prompt_mask.sum(dim=1) - 1
    assert words.min() >= 1
    assert words.max() <= LONGEST_PROMPT


def test_fine_tuning_makes_demonstrations_that_it_did_not_see_likelier():
    fresh = three_stages.demonstrations(128, seed=99)
    models = review_model(), three_stages.fine_tuned(0)
    with torch.no_grad():
        before, after = (
            next_token_loss(response_logprobs(model, fresh), fresh.mask) for model in models
        )
    assert after < before - 0.02


def test_a_reward_that_is_gold_orders_every_pair_rightly_and_its_opposite_none():
    pairs = three_stages.preference_pairs(review_model(), 64, seed=0)
    assert three_stages.right_order(gold_rewards, pairs) == 1
    assert three_stages.right_order(lambda responses: -gold_rewards(responses), pairs) == 0
