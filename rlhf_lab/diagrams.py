"""Who samples, who scores, what is frozen: one diagram of the data flow for each algorithm."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.text import Text

from rlhf_lab.plots import panels
from rlhf_lab.style import BLUE, INK, STYLE

Place = tuple[float, float]


def dpo_flow() -> Axes:
    """DPO: comparisons go through a trained and a frozen model into one classification loss."""
    return flow(
        {
            "comparisons\n$(x, y_w, y_l)$": (0.0, 0.5),
            "policy $\\pi_\\theta$\ntrained": (1.0, 1.0),
            "reference $\\pi_{ref}$\nfrozen": (1.0, 0.0),
            "implicit rewards\n$\\beta\\,\\log\\,\\pi_\\theta/\\pi_{ref}$": (2.1, 0.5),
            "loss\n$-\\log\\,\\sigma(\\hat r_w - \\hat r_l)$": (3.25, 0.5),
        },
        arrows=[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)],
        gradients=[(4, 1)],
    )


def three_stages_flow() -> Axes:
    """RLHF: demonstrations make the SFT model, comparisons the reward model, rewards the policy."""
    return flow(
        {
            "1. people write\ndemonstrations": (0.0, 2.0),
            "language model\nimitates, trained": (0.0, 1.0),
            "SFT model": (0.0, 0.0),
            "2. SFT model samples\n$y_1, y_2$, frozen": (1.55, 2.0),
            "people\ncompare": (1.55, 1.0),
            "reward model\ntrained": (1.55, 0.0),
            "3. policy $\\pi_\\theta$\nsamples $y$, trained": (3.1, 2.0),
            "reward model\nscores, frozen": (3.1, 1.0),
            "PPO": (3.1, 0.0),
        },
        arrows=[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 7), (6, 7), (7, 8)],
        gradients=[(8, 6)],
        height=3.6,
        bend=0.6,
    )


def rlhf_flow() -> Axes:
    """The third stage: the policy samples; three models judge, of which one learns."""
    return flow(
        {
            "prompts\n$x$": (0.0, 1.0),
            "policy $\\pi_\\theta$\nsamples $y$\ntrained": (0.95, 1.0),
            "reward model $r_\\phi$\nfrozen": (2.05, 2.0),
            "reference $\\pi_{ref}$\nfrozen": (2.05, 1.0),
            "value model $V$\ntrained": (2.05, 0.0),
            "reward of\neach token": (3.1, 1.5),
            "advantages": (3.1, 0.5),
            "two losses": (2.3, -0.8),
        },
        arrows=[(0, 1), (1, 2), (1, 3), (1, 4), (2, 5), (3, 5), (5, 6), (4, 6), (6, 7)],
        gradients=[(7, 1), (7, 4)],
        height=3.8,
        bend=-0.3,
    )


def ppo_flow() -> Axes:
    """One step of PPO: the policy that moves is compared with the one that wrote the samples."""
    return flow(
        {
            "responses of\n$\\pi_{old}$, frozen": (0.0, 0.5),
            "advantages $\\hat A_t$\nfrozen": (1.2, 1.0),
            "policy $\\pi_\\theta$\ntrained": (1.05, 0.0),
            "ratio $\\rho_t$": (2.15, 0.0),
            "clipped surrogate\nto be maximised": (3.25, 0.5),
        },
        arrows=[(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)],
        gradients=[(4, 2)],
        bend=-0.42,
    )


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
