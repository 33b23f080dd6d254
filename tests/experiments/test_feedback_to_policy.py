import pytest
import torch

from rlhf_lab.experiments import feedback_to_policy, word_counts
from rlhf_lab.responses import Preferences, pad
from rlhf_lab.worlds.reviews import BEGIN, END, encode


def answers(opening, *endings):
    rows = [[*encode(ending), END] for ending in endings]
    return pad([[BEGIN, *encode(opening)]] * len(rows), rows)


def test_a_completion_is_harsh_by_its_own_words_and_blames_as_a_whole():
    rows = answers("we hated the", "plot .", "awful plot .", "plot . the cast was superb .")
    assert feedback_to_policy.harsh(rows) == [False, True, False]
    assert feedback_to_policy.blaming(rows) == [True, True, False]


def test_a_reward_that_counts_words_learns_which_and_sees_no_order():
    chosen = answers("the", "plot was superb .", "cast was nice .")
    rejected = answers("the", "plot was awful .", "cast was dull .")
    reward = word_counts.word_count_reward(Preferences(chosen, rejected))
    assert (reward(chosen) > reward(rejected)).all()
    shuffled = answers("the", "superb . was plot", "nice cast was .")
    assert torch.allclose(reward(shuffled), reward(chosen))


def test_the_fitted_weights_are_where_the_gradient_is_zero():
    chosen = answers("the", "plot was superb .", "cast was nice .", "plot was awful .")
    rejected = answers("the", "plot was awful .", "cast was dull .", "plot was superb .")
    pairs, ridge = Preferences(chosen, rejected), 0.01
    reward = word_counts.word_count_reward(pairs, ridge=ridge)
    weight = reward(answers("the", "superb")).item() - reward(answers("the", "")).item()
    difference = weight - (reward(answers("the", "awful")) - reward(answers("the", ""))).item()
    # one pair each way: the two words' slopes cancel, and the ridge takes both to 0
    assert difference == pytest.approx(0, abs=1e-4)


def test_before_any_step_the_policy_is_the_reference():
    run = feedback_to_policy.run(0, pairs=32, steps=1, every=1)
    assert run["steps"] == [0, 1]
    assert run["kl"][0] == pytest.approx(0, abs=1e-5)
    assert run["kl"][1] > 0
    assert -0.3 < run["gold"][0] < 0.2
    assert run["facts"][0] == 1
