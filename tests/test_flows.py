import pytest

from rlhf_lab import flows


@pytest.mark.parametrize(
    ("draw", "learners", "frozen"),
    [
        (flows.reward_model_flow, 1, 1),
        (flows.three_stages_flow, 1, 2),
        (flows.rlhf_flow, 2, 2),
        (flows.ppo_flow, 1, 2),
        (flows.dpo_flow, 1, 1),
        (flows.grpo_flow, 1, 1),
    ],
)
def test_gradients_reach_what_is_trained_and_nothing_that_is_frozen(draw, learners, frozen):
    axes = draw()
    boxes = {t.get_position(): t.get_text() for t in axes.texts if t.get_bbox_patch()}
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    ends = [boxes[a.xy] for a in arrows if a.arrow_patch.get_linestyle() == "--"]
    assert len(ends) == learners
    assert all("trained" in text for text in ends)
    assert sum("frozen" in text for text in boxes.values()) == frozen


def test_the_reward_model_is_frozen_while_it_trains_the_policy():
    axes = flows.feedback_to_policy_flow()
    (frozen,) = [t.get_text() for t in axes.texts if "frozen" in t.get_text()]
    assert "reward" in frozen


def test_people_stand_between_the_responses_and_the_feedback():
    axes = flows.alignment_flow()
    boxes = [text.get_text() for text in axes.texts if text.get_bbox_patch()]
    assert boxes.index("responses") < boxes.index("people") < boxes.index("feedback")
