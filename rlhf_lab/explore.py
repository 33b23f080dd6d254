"""A figure with words for those who do not see it, and a figure that answers to a slider.

`Picture` shows one figure, `explore` one figure for each position of a slider. With a live kernel
the slider is a widget that calls the plot function; elsewhere, and in a kernel where
RLHF_LAB_STATIC=1 (the built book), the frames are drawn beforehand and kept in the page.
"""

import base64
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlhf_lab.frames import page
from rlhf_lab.style import STYLE
from rlhf_lab.svg import drawn, figure_of

GREEK = {"beta": "β", "epsilon": "ε", "gamma": "γ", "lam": "λ", "tau": "τ", "eta": "η"}


@dataclass(frozen=True)
class Picture:
    """One figure as it stands in a page: `Picture(axes, alt="what a reader should see in it")`."""

    figure: Figure | Axes
    _: KW_ONLY
    alt: str

    def __post_init__(self) -> None:
        _check_alt(self.alt)

    def html(self) -> str:
        """The figure as SVG, in the text colour of its page."""
        return page([drawn(figure_of(self.figure))], alt=self.alt)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return _bundle(self.html(), figure_of(self.figure), self.alt)


@dataclass(frozen=True, kw_only=True)
class Explorer:
    """What `explore` returns: shown as the last line of a cell, a figure with its slider."""

    plot: Callable[[Any], Figure | Axes]
    alt: str
    label: str
    values: tuple
    start: int

    def html(self) -> str:
        """All frames as HTML that needs no kernel and no network."""
        texts = [_text(value) for value in self.values]
        frames, views = [], {}
        for position, text in enumerate(texts):
            figure = self._draw(position)
            frames.append(drawn(figure))
            views.setdefault(_view(figure), f"{self.label} = {text}")
        if len(views) > 1:
            (view, at), (other_view, there) = list(views.items())[:2]
            raise ValueError(
                "size and axis limits must stay the same at every position of the slider, got "
                f"{view} at {at} and {other_view} at {there}: set them in the plot function"
            )
        return page(frames, alt=self.alt, label=self.label, texts=texts, start=self.start)

    def _draw(self, position: int) -> Figure:
        with rc_context(STYLE):
            return figure_of(self.plot(self.values[position]))

    def _ipython_display_(self) -> None:
        if os.environ.get("RLHF_LAB_STATIC") == "1":
            raise NotImplementedError  # IPython then asks for the bundle below
        from IPython.display import display

        display(self.widget())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return _bundle(self.html(), self._draw(self.start), self.alt)

    def widget(self) -> Any:
        """The slider as an ipywidgets widget that calls the plot function at each move."""
        import ipywidgets
        from IPython.display import display

        options = [(_text(value), position) for position, value in enumerate(self.values)]
        slider = ipywidgets.SelectionSlider(
            options=options, value=self.start, description=self.label
        )
        slider.style.description_width = "initial"
        show = ipywidgets.interactive_output(
            lambda position: display(Picture(self._draw(position), alt=self.alt)),
            {"position": slider},
        )
        return ipywidgets.VBox([slider, show])


def explore(
    plot: Callable[[Any], Figure | Axes], *, alt: str, start: Any = None, **slider: Iterable[Any]
) -> Explorer:
    """A figure with one slider: `explore(plot, alt="...", beta=[0.1, 0.5, 1.0], start=0.5)`.

    plot(value) draws the figure and nothing else; it must set fixed axis limits. `start` is the
    value shown first, by default the first of the list. Raises ValueError for an empty alt, other
    than one slider, fewer than two values, a value twice, or a start that is not in the list.
    """
    _check_alt(alt)
    if len(slider) != 1:
        raise ValueError(f"expected one slider, name=[values], got {list(slider) or 'none'}")
    [(name, given)] = slider.items()
    values = tuple(value.item() if hasattr(value, "item") else value for value in given)
    texts = [_text(value) for value in values]
    if len(set(texts)) < max(len(texts), 2):
        raise ValueError(f"{name} needs two or more values that read differently, got {texts}")
    start = values[0] if start is None else start
    if start not in values:
        raise ValueError(f"start must be one of the values of {name}, {texts}, got {start}")
    label = GREEK.get(name, name.replace("_", " "))
    return Explorer(plot=plot, alt=alt, label=label, values=values, start=values.index(start))


def _check_alt(alt: str) -> None:
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what the figure shows")


def _view(figure: Figure) -> tuple[tuple[float, ...], ...]:
    """Width and height in inches, then left, right, bottom and top of each axes."""
    limits = [(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes]
    return tuple(tuple(map(float, numbers)) for numbers in (figure.get_size_inches(), *limits))


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _bundle(html: str, figure: Figure, alt: str) -> dict[str, str]:
    png = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(png, format="png", dpi=100)
    image = base64.b64encode(png.getvalue()).decode("ascii")
    return {"text/html": html, "image/png": image, "text/plain": alt}
