import pytest

from rlhf_lab.diagrams import flow, language_model_loop, reinforcement_loop


def test_only_what_is_frozen_has_a_dashed_border():
    axes = flow({"a": (0, 0), "b\nfrozen": (1, 1)}, arrows=[(0, 1)], gradients=[])
    borders = {t.get_text(): t.get_bbox_patch() for t in axes.texts if t.get_bbox_patch()}
    assert borders["a"].get_linestyle() == "solid"
    assert borders["b\nfrozen"].get_linestyle() == "dashed"


@pytest.mark.parametrize("end", [2, 5])
def test_an_arrow_to_no_box_is_an_error(end):
    with pytest.raises(IndexError):
        flow({"a": (0, 0), "b": (1, 1)}, arrows=[(0, end)], gradients=[])


@pytest.mark.parametrize("draw", [reinforcement_loop, language_model_loop])
def test_one_arrow_goes_to_the_environment_and_two_come_back(draw):
    arrows = [text for text in draw().texts if getattr(text, "arrow_patch", None)]
    forth = [arrow.xy[0] > arrow.xyann[0] for arrow in arrows]
    assert forth == [True, False, False]
