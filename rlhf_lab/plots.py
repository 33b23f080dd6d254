"""Arrays in, matplotlib Axes out: the few kinds of figure that the whole book uses.

Each draws on `axes`, or on new ones, and returns them, to set limits on. Greek is Unicode: "π ‖ ρ".
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from rlhf_lab.style import FILLINGS, LINES, STYLE


@rc_context(STYLE)
def panels(columns: int = 1, *, width: float = 5.2, height: float = 3.2) -> list[Axes]:
    """Empty axes side by side in one new figure; width and height of the whole in inches.

    Up to 5.7 inches the text stays readable on a phone; a wider figure scrolls there.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return list(figure.subplots(1, columns, squeeze=False)[0])


@rc_context(STYLE)
def curves(
    x: ArrayLike,
    series: Mapping[str, ArrayLike],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """One line a series over the same x; `bands` holds the (low, high) of a series by its name."""
    axes = _labelled(axes, x_label, y_label)
    x = _numbers("x", x)
    bands = _known(bands or {}, series)
    for (name, values), line in zip(series.items(), _looks(series, LINES), strict=True):
        axes.plot(x, _numbers(name, values, like=x), label=name, **line | {"marker": ""})
        if name in bands:
            low, high = (_numbers(f"band of {name}", edge, like=x) for edge in bands[name])
            axes.fill_between(x, low, high, color=line["color"], alpha=0.2, linewidth=0)
    axes.xaxis.get_major_locator().set_params(integer=not (x % 1).any())  # no half steps
    return _with_head(axes, series, title)


@rc_context(STYLE)
def bars(
    labels: Sequence[str],
    series: Mapping[str, ArrayLike],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    stacked: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """Groups of bars, one a label, in it one bar a series, side by side or `stacked` to a whole."""
    axes = _labelled(axes, x_label, y_label)
    places, width = np.arange(len(labels)), 0.8 / (1 if stacked else max(len(series), 1))
    fillings, bottom = _looks(series, FILLINGS), np.zeros(len(labels))
    for i, (name, values) in enumerate(series.items()):
        heights = _numbers(name, values, like=places)
        offset = 0 if stacked else (i - (len(series) - 1) / 2) * width
        look = {"label": name, "bottom": bottom, "linewidth": 1.2, **fillings[i]}
        axes.bar(places + offset, heights, 0.9 * width, **look)
        bottom = bottom + stacked * heights
    axes.set_xticks(places, labels)
    axes.grid(visible=False, axis="x")
    return _with_head(axes, series, title)


@rc_context(STYLE)
def points(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    notes: Mapping[str, Sequence[str]] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Marked points joined in order, a series with its own (x, y), its `notes` beside them."""
    axes = _labelled(axes, x_label, y_label)
    notes = _known(notes or {}, series)
    for (name, (x, y)), line in zip(series.items(), _looks(series, LINES), strict=True):
        x = _numbers(f"x of {name}", x)
        y = _numbers(f"y of {name}", y, like=x)
        axes.plot(x, y, label=name, **line)
        _write_beside(axes, x, y, notes.get(name, [""] * len(x)), name)
    return _with_head(axes, series, title)


def _write_beside(axes: Axes, x: np.ndarray, y: np.ndarray, notes: Sequence[str], name: str):
    if len(notes) != len(x):
        raise ValueError(f"{name} needs one note a point: {len(x)} points, {len(notes)} notes")
    for note, place in zip(notes, zip(x, y, strict=True), strict=True):
        axes.annotate(note, place, xytext=(5, 5), textcoords="offset points", fontsize="small")


def _labelled(axes: Axes | None, x_label: str, y_label: str) -> Axes:
    axes = axes if axes is not None else panels()[0]
    axes.set(xlabel=x_label, ylabel=y_label)
    return axes


def _with_head(axes: Axes, series: Mapping[str, object], title: str) -> Axes:
    """Title and legend above the axes, where they hide no data and stay from frame to frame."""
    columns = _columns(list(series), axes.figure.get_figwidth() / len(axes.figure.axes) - 0.8)
    rows = -(-len(series) // columns) if len(series) > 1 else 0
    if rows:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2)
    axes.set_title(title, pad=6 + 20 * rows)  # points
    return axes


def _columns(names: Sequence[str], room: float) -> int:
    """How many columns of a legend fit into the room, in inches: 0.67 for a line, 0.08 a letter."""
    for columns in range(len(names), 1, -1):
        parts = np.array_split(names, columns)
        if sum(0.67 + 0.08 * max(map(len, part)) for part in parts) <= room:
            return columns
    return 1


def _numbers(name: str, values: ArrayLike, *, like: np.ndarray | None = None) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or (like is not None and len(array) != len(like)):
        expected = "one axis" if like is None else f"shape ({len(like)},)"
        raise ValueError(f"{name} must have {expected}, got shape {array.shape}")
    if not np.isfinite(array).all():
        at = np.flatnonzero(~np.isfinite(array))[0]
        raise ValueError(f"{name} must be finite, got {array[at]} at index {at}")
    return array


def _known(extra: Mapping[str, object], series: Mapping[str, object]) -> Mapping:
    if unknown := set(extra) - set(series):
        raise ValueError(f"no series is named {sorted(unknown)}; the series are {list(series)}")
    return extra


def _looks(series: Mapping[str, object], looks: Sequence[dict]) -> Sequence[dict]:
    if not 1 <= len(series) <= len(looks):
        raise ValueError(f"a figure shows 1 to {len(looks)} series, got {len(series)}: draw two")
    return looks[: len(series)]
