"""Diagrams of boxes and arrows: a flow of data, and the loop of agent and environment."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from rlhf_lab.plots import panels
from rlhf_lab.style import BLUE, INK, STYLE, VERMILION

Place = tuple[float, float]


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


@rc_context(STYLE)
def flow(
    boxes: Mapping[str, Place],
    *,
    arrows: Sequence[tuple[int, int]],
    gradients: Sequence[tuple[int, int]],
    height: float = 2.6,
    bend: float = 0.3,
) -> Axes:
    """Boxes (text: centre) joined by arrows from box to box; gradients are dashed and bent."""
    axes = panels(width=5.7, height=height)[0]
    xs, ys = zip(*boxes.values(), strict=True)
    axes.set(xlim=(min(xs) - 0.57, max(xs) + 0.6), ylim=(min(ys) - 0.4, max(ys) + 0.48))
    drawn = [_box(axes, text, place) for text, place in boxes.items()]
    for start, end in arrows:
        _arrow(axes, drawn[start], drawn[end], color=INK, style="-", bend=0.0)
    for start, end in gradients:
        _arrow(axes, drawn[start], drawn[end], color=BLUE, style="--", bend=bend)
    for start, end in gradients[:1]:
        middle = (xs[start] + xs[end]) / 2, (ys[start] + ys[end]) / 2
        _word_for_gradient(axes, middle, upright=xs[start] == xs[end], bend=bend)
    axes.set_axis_off()
    return axes


def _word_for_gradient(axes: Axes, middle: Place, *, upright: bool, bend: float) -> None:
    """Above or below the dashed arrow; to the right of one that goes straight up, and turned."""
    if upright:
        axes.set_xlim(right=axes.get_xlim()[1] + 0.25)
        place, look = (axes.get_xlim()[1], middle[1]), {"ha": "right", "va": "center"}
    else:
        place, look = (middle[0], axes.get_ylim()[bend > 0]), {"ha": "center"}
        look["va"] = "top" if bend > 0 else "bottom"
    axes.text(*place, "gradient", rotation=90 if upright else 0, **look)


def _box(axes: Axes, text: str, place: Place) -> Text:
    border = {"boxstyle": "round,pad=0.5", "facecolor": "none", "edgecolor": INK}
    border["linestyle"] = "dashed" if "frozen" in text else "solid"
    return axes.text(*place, text, ha="center", va="center", linespacing=1.5, bbox=border)


def _arrow(axes: Axes, start: Text, end: Text, *, color: str, style: str, bend: float) -> None:
    look = {
        "arrowstyle": "-|>",
        "color": color,
        "linestyle": style,
        "patchA": start.get_bbox_patch(),
        "patchB": end.get_bbox_patch(),
        "shrinkA": 0,
        "shrinkB": 0,
        "connectionstyle": f"arc3,rad={bend}",
    }
    axes.annotate("", end.get_position(), xytext=start.get_position(), arrowprops=look)
