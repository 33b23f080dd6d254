import pytest
import torch

from rlhf_lab.experiments import delayed_reward
from rlhf_lab.worlds.decisions import expected_return, uniform_policy
from rlhf_lab.worlds.exam_week import exam_week


def test_one_step_rewards_lead_to_rest_and_returns_to_study():
    greedy, patient = (
        delayed_reward.learned(0, gamma=gamma, process=exam_week()) for gamma in (0.0, 1.0)
    )
    start = expected_return(exam_week(), uniform_policy(exam_week())).item()
    for run in (greedy, patient):
        assert run["expected_return"][0] == pytest.approx(start)
        assert run["episodes"][-1] == 16 * delayed_reward.STEPS
    assert greedy["expected_return"][-1] < 4.5
    assert patient["expected_return"][-1] > 7.0
    ends = torch.stack([run["policies"][-1][0] for run in (greedy, patient)])
    assert ends.argmax(dim=1).tolist() == [0, 1]


def test_a_learner_learns_in_the_process_that_it_is_given():
    """Resting is best where study teaches nothing; where it always does, two days of it are."""
    for learns, best in ((0.0, 4.0), (1.0, 8.0)):
        week = exam_week(learns=learns)
        earned = delayed_reward.learned(0, gamma=1.0, process=week)["expected_return"][-1]
        assert earned == pytest.approx(best, abs=0.4)


def test_what_is_recorded_are_numbers():
    run = delayed_reward.run(0, gamma=1.0, steps=2)
    assert run.keys() == {"episodes", "expected_return"}
    assert [len(path) for path in run.values()] == [3, 3]
