import pytest

from rlhf_lab.diagrams import dpo_flow, flow, ppo_flow, rlhf_flow, three_stages_flow


def arrows(axes):
    return [text for text in axes.texts if getattr(text, "arrow_patch", None)]


def test_the_gradient_of_dpo_reaches_the_policy_and_not_the_reference():
    axes = dpo_flow()
    dashed = [a for a in arrows(axes) if a.arrow_patch.get_linestyle() == "--"]
    assert len(arrows(axes)) == 6
    (gradient,) = dashed
    (policy,) = [t for t in axes.texts if "trained" in t.get_text()]
    assert gradient.xy == policy.get_position()


def test_only_what_is_frozen_has_a_dashed_border():
    axes = flow({"a": (0, 0), "b\nfrozen": (1, 1)}, arrows=[(0, 1)], gradients=[])
    borders = {t.get_text(): t.get_bbox_patch() for t in axes.texts if t.get_bbox_patch()}
    assert borders["a"].get_linestyle() == "solid"
    assert borders["b\nfrozen"].get_linestyle() == "dashed"


@pytest.mark.parametrize("end", [2, 5])
def test_an_arrow_to_no_box_is_an_error(end):
    with pytest.raises(IndexError):
        flow({"a": (0, 0), "b": (1, 1)}, arrows=[(0, end)], gradients=[])


@pytest.mark.parametrize(
    ("draw", "learners"), [(rlhf_flow, 2), (three_stages_flow, 1), (ppo_flow, 1)]
)
def test_gradients_of_rlhf_reach_what_is_trained_and_nothing_that_is_frozen(draw, learners):
    axes = draw()
    boxes = {t.get_position(): t.get_text() for t in axes.texts if t.get_bbox_patch()}
    ends = [boxes[a.xy] for a in arrows(axes) if a.arrow_patch.get_linestyle() == "--"]
    assert len(ends) == learners
    assert all("trained" in text for text in ends)
    frozen = [text for text in boxes.values() if "frozen" in text]
    assert len(frozen) == 2
