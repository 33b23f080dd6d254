"""A figure in a page and a figure with a slider, without and with a kernel."""

import gzip
import re

import ipywidgets
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.axes import Axes

from rlhf_lab import plots
from rlhf_lab.explore import Explorer, Picture, explore

REFERENCE = np.array([0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
REWARD = np.array([-1, 0, 0.5, 1, 1.5, 2])
BETAS = np.geomspace(0.1, 5, 21)
ALT = "Bars of a reference and of the optimal policy."


def bars_of(beta: float) -> Axes:
    policy = REFERENCE * np.exp(REWARD / beta)
    series = {"reference": REFERENCE, "π*": policy / policy.sum()}
    labels = [f"y{i}" for i in range(6)]
    axes = plots.bars(
        labels, series, x_label="response", y_label="probability", title=f"{beta:.3g}"
    )
    axes.set_ylim(0, 1)
    return axes


def lines_of(beta: float) -> Axes:
    x = np.linspace(-4, 4, 200)
    series = {"loss": np.log1p(np.exp(-beta * x)), "weight": 1 / (1 + np.exp(beta * x))}
    axes = plots.curves(x, series, x_label="margin", y_label="nats")
    axes.set_ylim(0, 5)
    return axes


def small() -> Explorer:
    return explore(bars_of, alt=ALT, beta=[0.1, 0.5, 1.0], start=0.5)


@pytest.mark.parametrize("plot", [bars_of, lines_of])
def test_21_positions_stay_within_25_kilobytes(plot):
    html = explore(plot, alt=ALT, beta=BETAS).html()
    assert len(gzip.compress(html.encode())) < 25_000


def test_the_page_is_built_the_same_each_time():
    assert small().html() == small().html()


def test_each_value_is_drawn_in_order_and_the_start_is_shown():
    drawn_with = []

    def plot(beta: float) -> Axes:
        drawn_with.append(beta)
        return bars_of(beta)

    html = explore(plot, alt=ALT, beta=np.array([0.1, 0.5, 1.0]), start=0.5).html()
    assert drawn_with == [0.1, 0.5, 1.0]
    assert 'texts = ["0.1","0.5","1"]' in html
    assert re.search(r"<text[^>]*>0.5</text>", html.partition("<script>")[0])
    assert ">β\n<input" in html
    assert ">number of samples\n<input" in explore(plot, alt=ALT, number_of_samples=[1, 2]).html()


def test_the_bundle_has_html_picture_and_words(monkeypatch):
    monkeypatch.setenv("RLHF_LAB_STATIC", "1")
    for shown in (small(), Picture(bars_of(1.0), alt=ALT)):
        bundle, _ = DisplayFormatter().format(shown)
        assert bundle["text/html"] == shown.html()
        assert bundle["image/png"].startswith("iVBORw0KGgo")  # the signature of PNG, in base 64
        assert bundle["text/plain"] == ALT


def test_a_picture_takes_a_figure_or_its_axes():
    axes = bars_of(1.0)
    assert Picture(axes, alt=ALT).html() == Picture(axes.figure, alt=ALT).html()
    assert f'aria-label="{ALT}"' in Picture(axes, alt=ALT).html()


def test_with_a_kernel_the_slider_is_a_widget(monkeypatch):
    monkeypatch.delenv("RLHF_LAB_STATIC", raising=False)
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    bundle, metadata = DisplayFormatter().format(small())
    assert (bundle, metadata) == ({}, {})  # already shown
    box = displayed[-1]
    assert isinstance(box, ipywidgets.VBox)


def test_moving_the_widget_calls_the_plot(monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    slider, _ = small().widget().children
    assert (slider.label, slider.description) == ("0.5", "β")
    slider.index = 2
    assert displayed[-1].html() == Picture(bars_of(1.0), alt=ALT).html()


def wandering(beta: float) -> Axes:
    axes = bars_of(beta)
    axes.set_ylim(0, beta)
    return axes


@pytest.mark.parametrize(
    ("show", "message"),
    [
        (lambda: explore(bars_of, alt=" ", beta=[1, 2]), "alt is empty"),
        (lambda: Picture(bars_of(1.0), alt=""), "alt is empty"),
        (lambda: explore(bars_of, alt=ALT), "one slider, name=[values], got none"),
        (lambda: explore(bars_of, alt=ALT, a=[1, 2], b=[3, 4]), "got ['a', 'b']"),
        (lambda: explore(bars_of, alt=ALT, beta=[1]), "two or more values"),
        (lambda: explore(bars_of, alt=ALT, beta=[1, 2, 1.00001]), "that read differently"),
        (lambda: explore(bars_of, alt=ALT, beta=[1, 2], start=3), "start must be one of"),
        (lambda: explore(wandering, alt=ALT, beta=[1, 2]).html(), "must stay the same at every"),
    ],
)
def test_bad_input_is_named(show, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        show()
