from rlhf_lab.reward_diagram import reward_model_flow


def test_the_gradient_reaches_the_reward_model_that_is_trained_and_not_the_frozen_one():
    axes = reward_model_flow()
    boxes = {t.get_position(): t.get_text() for t in axes.texts if t.get_bbox_patch()}
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    (gradient,) = [a for a in arrows if a.arrow_patch.get_linestyle() == "--"]
    assert boxes[gradient.xy].endswith("trained")
    assert sum("frozen" in text for text in boxes.values()) == 1
