"""The review world: gold starts at -0.05. Seconds are not asserted: they depend on the machine.

`make test` takes the first third of each run, `make rerun` the whole of it. Another processor
rounds otherwise, so its base model and its runs are others: early gains lie between 0.3 and 0.8.
"""

from functools import cache
from itertools import islice

import pytest

from rlhf_lab.experiments import policy_reviews
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.train.review_model import review_model

WHOLE, RERUN = 50, pytest.mark.rerun


@cache
def measured(name, steps):
    """What the start, and the policy after so many steps of a variant, do on held-out openings."""
    reference = frozen_copy(review_model())
    policy = trainable_copy(reference)
    start = policy_reviews.evaluated(policy, reference, seed=0)
    training = policy_reviews.trained(policy, 0, **policy_reviews.VARIANTS[name])
    assert list(islice(training, steps))
    return start, policy_reviews.evaluated(policy, reference, seed=0)


@pytest.mark.parametrize(
    ("steps", "least", "kept"), [(10, 0.2, 0.9), pytest.param(WHOLE, 0.7, 0.8, marks=RERUN)]
)
def test_ppo_raises_gold_and_forgets_facts_that_no_prompt_asks_for(steps, least, kept):
    start, end = measured("ppo-reviews", steps)
    assert end["gold"] - start["gold"] > least
    assert start["facts"] == 1
    assert end["facts"] < kept


@pytest.mark.parametrize("steps", [10, pytest.param(WHOLE, marks=RERUN)])
def test_ppo_ptx_keeps_them_at_some_cost_in_gold(steps):
    start, end = measured("ppo-ptx-reviews", steps)
    assert end["facts"] >= 0.95
    assert end["gold"] > start["gold"] + 0.2
    if steps == WHOLE:  # before, the noise is larger than the cost
        assert end["gold"] < measured("ppo-reviews", steps)[1]["gold"]


@pytest.mark.parametrize(("steps", "least"), [(16, 0.2), pytest.param(WHOLE, 0.7, marks=RERUN)])
def test_grpo_raises_gold_without_a_critic(steps, least):
    start, end = measured("grpo-reviews", steps)
    assert end["gold"] - start["gold"] > least
