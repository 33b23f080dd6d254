import pytest

from rlhf_lab import loop_diagrams


@pytest.mark.parametrize(
    "draw", [loop_diagrams.reinforcement_loop, loop_diagrams.language_model_loop]
)
def test_one_arrow_goes_to_the_environment_and_two_come_back(draw):
    arrows = [text for text in draw().texts if getattr(text, "arrow_patch", None)]
    forth = [arrow.xy[0] > arrow.xyann[0] for arrow in arrows]
    assert forth == [True, False, False]


def test_the_reward_model_is_frozen_while_it_trains_the_policy():
    axes = loop_diagrams.feedback_to_policy_flow()
    frozen = [t.get_text() for t in axes.texts if "frozen" in t.get_text()]
    assert len(frozen) == 1
    assert "reward" in frozen[0]


def test_people_stand_between_the_responses_and_the_feedback():
    axes = loop_diagrams.alignment_flow()
    boxes = [text.get_text() for text in axes.texts if text.get_bbox_patch()]
    assert boxes.index("responses") < boxes.index("people") < boxes.index("feedback")
