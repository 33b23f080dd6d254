"""Paths on reviews, shortened: where they start, what they measure, and laws of the best of n."""

from dataclasses import replace
from itertools import pairwise

import pytest

from rlhf_lab.experiments import frontier, overoptimisation, review_paths, review_task
from rlhf_lab.experiments.dpo_reviews import preference_pairs
from rlhf_lab.experiments.review_task import Scale, Task, evaluated, task
from rlhf_lab.models import frozen_copy
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import gold_rewards


@pytest.fixture
def small(monkeypatch):
    """Few pairs, few responses."""
    monkeypatch.setattr(review_task, "VISITS", 64)
    monkeypatch.setattr(review_task, "EVALUATED", 24)
    monkeypatch.setattr(review_paths, "PROMPTS", 3)
    review_task.task.cache_clear()
    review_paths.many_responses.cache_clear()
    yield
    review_task.task.cache_clear()
    review_paths.many_responses.cache_clear()


def short_task(seed, *, pairs):
    """The task with few updates."""
    return replace(task(seed, pairs=pairs), scale=Scale(sampled_steps=3, fitted_steps=10))


@pytest.fixture
def judged_by_gold(small):
    """A task whose reward model is right: proxy and gold are one."""
    reference = frozen_copy(review_model())
    return Task(reference, preference_pairs(reference, 64, seed=0), gold_rewards, 0)


def test_the_reference_has_no_kl_to_itself_and_a_right_proxy_is_gold(judged_by_gold):
    row = evaluated(judged_by_gold, judged_by_gold.reference)
    assert row["kl"] == pytest.approx(0, abs=1e-6)
    assert row["proxy"] == row["gold"]


def test_the_best_of_more_is_no_worse_by_the_measure_that_chooses(judged_by_gold):
    """A block of 2n holds two blocks of n, so its best is at least the mean of theirs."""
    rows = list(review_paths.best_of_n_path(judged_by_gold))
    written = review_paths.many_responses(0)
    assert rows[0]["gold"] == pytest.approx(gold_rewards(written).mean().item())
    assert all(fewer["gold"] <= more["gold"] + 1e-6 for fewer, more in pairwise(rows))
    assert rows[-1]["gold"] == pytest.approx(
        gold_rewards(written).view(3, 64).amax(dim=1).mean().item()
    )


def test_all_paths_start_at_the_reference_and_leave_it(small, monkeypatch):
    for strengths, kept in (("PPO_BETAS", ()), ("GRPO_BETAS", ()), ("DPO_BETAS", (1.0,))):
        monkeypatch.setattr(frontier, strengths, kept)
    table = overoptimisation.run(0, pairs=64, make=short_task)
    table |= frontier.run(0, pairs=64, make=short_task)
    paths = {name.removesuffix(" kl") for name in table if name.endswith(" kl")}
    assert paths == {"ppo", "ppo 0.1", "grpo", "dpo", "best of n", "dpo 1.0", "ppo on gold", "sft"}
    for name in paths:
        start, *later = table[f"{name} kl"]
        assert start == pytest.approx(0, abs=1e-6), name
        assert later[-1] > 1e-3, name
        if name != "best of n":
            assert table[f"{name} gold"][0] == table["ppo gold"][0]
