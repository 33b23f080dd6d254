"""The review world: gold starts at -0.05. Seconds are not asserted: they depend on the machine."""

from functools import cache

from rlhf_lab.experiments import policy_reviews
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.train.review_model import review_model


@cache
def measured(name):
    """What the start, and the policy after one whole run of a variant, do on held-out openings."""
    reference = frozen_copy(review_model())
    policy = trainable_copy(reference)
    start = policy_reviews.evaluated(policy, reference, seed=0)
    list(policy_reviews.trained(policy, 0, **policy_reviews.VARIANTS[name]))
    return start, policy_reviews.evaluated(policy, reference, seed=0)


def test_ppo_raises_gold_by_more_than_0_7_and_forgets_facts_that_no_prompt_asks_for():
    start, end = measured("ppo-reviews")
    assert end["gold"] - start["gold"] > 0.7
    assert start["facts"] == 1
    assert end["facts"] < 0.8


def test_ppo_ptx_keeps_them_at_some_cost_in_gold():
    start, end = measured("ppo-ptx-reviews")
    assert end["facts"] >= 0.95
    assert start["gold"] + 0.3 < end["gold"] < measured("ppo-reviews")[1]["gold"]


def test_grpo_raises_gold_by_more_than_0_7_without_a_critic():
    start, end = measured("grpo-reviews")
    assert end["gold"] - start["gold"] > 0.7
