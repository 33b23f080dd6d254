from rlhf_lab.group_diagram import grpo_flow


def test_the_gradient_of_grpo_reaches_the_policy_alone_and_the_reference_is_frozen():
    axes = grpo_flow()
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    (gradient,) = [a for a in arrows if a.arrow_patch.get_linestyle() == "--"]
    (policy,) = [t for t in axes.texts if "trained" in t.get_text()]
    (frozen,) = [t for t in axes.texts if "frozen" in t.get_text()]
    assert gradient.xy == policy.get_position()
    assert frozen.get_bbox_patch().get_linestyle() == "dashed"
