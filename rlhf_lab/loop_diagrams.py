"""The loop of agent and environment, in general and where the agent is a language model."""

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from rlhf_lab.diagrams import flow
from rlhf_lab.plots import panels
from rlhf_lab.style import BLUE, INK, STYLE, VERMILION


def reinforcement_loop() -> Axes:
    """An agent acts; the environment answers with a reward and the next state."""
    return loop(
        agent="agent\npolicy $\\pi(a|s)$",
        environment="environment\neverything else",
        forth="action $a_t$",
        back=("reward $r_t$", "next state $s_{t+1}$"),
    )


def language_model_loop() -> Axes:
    """The agent is the model; the environment puts its token behind the text and judges it."""
    return loop(
        agent="language\nmodel\n$\\pi_\\theta(y_t|x, y_{<t})$",
        environment="text so far,\njudge\nat the end",
        forth="next token $y_t$",
        back=("0; at the end $r(x, y)$", "text with $y_t$ behind it"),
    )


def alignment_flow() -> Axes:
    """People judge responses of a pretrained model; their feedback trains it further."""
    return flow(
        {
            "pretrained\nmodel": (0.0, 1.0),
            "responses": (1.3, 1.0),
            "people": (2.6, 1.0),
            "feedback": (2.6, 0.0),
            "aligned model\ntrained": (1.3, 0.0),
        },
        arrows=[(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)],
        gradients=[],
    )


def feedback_to_policy_flow() -> Axes:
    """Feedback trains a reward model; the reward model, frozen, trains the policy."""
    return flow(
        {
            "feedback\n$y_w \\succ y_l$": (0.0, 1.0),
            "reward model\ntrained first": (1.15, 1.0),
            "responses\n$y \\sim \\pi_\\theta$": (1.15, 0.0),
            "reward model $r_\\phi$\nfrozen": (2.35, 0.5),
            "policy $\\pi_\\theta$\ntrained second": (3.6, 0.5),
        },
        arrows=[(0, 1), (1, 3), (2, 3), (3, 4)],
        gradients=[],
    )


@rc_context(STYLE)
def loop(*, agent: str, environment: str, forth: str, back: tuple[str, str]) -> Axes:
    """Two boxes; one arrow forth at the top, and two back below it: the reward, the next state."""
    axes = panels(width=5.7, height=2.3)[0]
    axes.set(xlim=(-0.02, 1.02), ylim=(0, 1))
    for left, text in ((0.02, agent), (0.73, environment)):
        border = FancyBboxPatch(
            (left, 0.08), 0.25, 0.84, boxstyle="round,pad=0.02", facecolor="none", edgecolor=INK
        )
        axes.add_patch(border)
        axes.text(left + 0.125, 0.5, text, ha="center", va="center", linespacing=1.6)
    near, far = 0.3, 0.7
    arrows = [
        (forth, near, far, 0.78, INK),
        (back[0], far, near, 0.45, VERMILION),
        (back[1], far, near, 0.12, BLUE),
    ]
    for text, start, end, height, color in arrows:
        look = {"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (end, height), xytext=(start, height), arrowprops=look)
        axes.text(0.5, height + 0.03, text, ha="center", va="bottom")
    axes.set_axis_off()
    return axes
