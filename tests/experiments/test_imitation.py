import pytest
import torch

from rlhf_lab.experiments import imitation
from rlhf_lab.worlds.decisions import best_policy, expected_return
from rlhf_lab.worlds.environment import Step
from rlhf_lab.worlds.exam_week import exam_week

PROCESS = exam_week()


def test_a_copy_is_the_frequencies_and_has_the_highest_likelihood():
    shown = [[Step(0, action, 0.0, 1, False)] for action in (1, 1, 1, 0)]
    copy = imitation.imitated(PROCESS, shown)
    assert copy[0].tolist() == [0.25, 0.75]
    assert copy[1].tolist() == [0.5, 0.5]  # never seen
    assert imitation.most_frequent(copy)[:2].tolist() == [[0.0, 1.0], [0.5, 0.5]]
    others = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    likelihood = others.log() + 3 * (1 - others).log()  # of rest
    assert others[likelihood.argmax()].item() == pytest.approx(copy[0, 0].item())


def test_a_copy_earns_what_its_demonstrator_earns():
    for demonstrator in (
        imitation.slipping(PROCESS, slip=0.3),
        imitation.putting_off(PROCESS),
        best_policy(PROCESS, gamma=1.0),
    ):
        earned = expected_return(PROCESS, demonstrator).item()
        assert imitation.copies_of(0, demonstrator)["copy"][-1] == pytest.approx(earned, abs=0.15)


def test_the_most_frequent_action_mends_slips_and_not_habits():
    best = expected_return(PROCESS, best_policy(PROCESS, gamma=1.0)).item()
    slips = imitation.run(0, demonstrator="slips")
    habit = imitation.run(0, demonstrator="puts off")
    assert slips["most_frequent"][-1] == pytest.approx(best, abs=0.05)
    assert habit["most_frequent"][-1] < best - 1
