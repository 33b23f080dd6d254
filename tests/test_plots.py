"""What is drawn is what was given, and one look for the whole book."""

import re
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from rlhf_lab import plots
from rlhf_lab.style import FILLINGS, INK, LINES, STYLE

LABELS = {"x_label": "x", "y_label": "y"}
PAGES = ("#ffffff", "#121212", "#14181e")  # of the theme: light, dark, and its dark surface


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1, from the relative luminance of sRGB."""

    def luminance(colour: str) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)
        ]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", sorted({line["color"] for line in LINES} - {INK}))
def test_colours_stand_out_on_light_and_dark_pages(colour, page):
    assert contrast(colour, page) >= 3


def test_series_differ_without_colour():
    assert len({str(line["linestyle"]) for line in LINES}) == len(LINES)
    assert len({line["marker"] for line in LINES}) == len(LINES)
    fillings = {(filling["facecolor"] == "none", filling.get("hatch")) for filling in FILLINGS}
    assert len(fillings) == len(FILLINGS)


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    plots.curves([0, 1], {"loss": [1, 2]}, **LABELS)
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.rcParams["axes.spines.top"] != STYLE["axes.spines.top"]


def test_curves_show_the_numbers_given_as_list_array_or_tensor():
    series = {"a": [1, 2, 4], "b": np.array([2.0, 3, 1]), "c": torch.tensor([0.0, 1, 2])}
    axes = plots.curves(range(3), series, **LABELS, title="t")
    for line, values in zip(axes.get_lines(), series.values(), strict=True):
        assert line.get_xdata().tolist() == [0, 1, 2]
        assert line.get_ydata().tolist() == list(map(float, values))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title("left")) == ("x", "y", "t")


def test_whole_numbers_have_no_half_steps_between_them():
    for x, whole in ([0, 1, 2, 3], True), ([0, 0.5, 1, 1.5], False):
        ticks = plots.curves(x, {"a": x}, x_label="step", y_label="y").get_xticks()
        assert (ticks % 1 == 0).all() == whole


def test_a_band_lies_between_its_low_and_high_edge():
    axes = plots.curves([0, 1], {"a": [1, 2]}, bands={"a": ([0.5, 1.5], [1.25, 3])}, **LABELS)
    corners = axes.collections[0].get_paths()[0].vertices
    assert {tuple(corner) for corner in corners} == {(0, 0.5), (1, 1.5), (0, 1.25), (1, 3)}


def test_bars_have_the_heights_given_and_stand_side_by_side():
    series = {"reference": [0.2, 0.8], "policy": [0.5, 0.5], "optimal": [0.6, 0.4]}
    axes = plots.bars(["good", "bad"], series, **LABELS)
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert heights == list(series.values())
    middles = [[bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in axes.containers]
    np.testing.assert_allclose(np.mean(middles, axis=0), [0, 1], atol=1e-12)
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["good", "bad"]


def test_stacked_bars_stand_on_each_other():
    series = {"weights": [1, 2], "gradients": [3, 4], "moments": [5, 6]}
    axes = plots.bars(["DPO", "PPO"], series, stacked=True, **LABELS)
    feet = [[bar.get_y() for bar in bars] for bars in axes.containers]
    assert feet == [[0, 0], [1, 2], [4, 6]]
    assert [[bar.get_height() for bar in bars] for bars in axes.containers] == list(series.values())
    assert {bar.get_x() + bar.get_width() / 2 for bar in axes.patches} == {0, 1}


def test_points_keep_their_order_and_carry_their_notes():
    axes = plots.points({"DPO": ([3, 1, 2], [5, 6, 4])}, notes={"DPO": ["a", "b", "c"]}, **LABELS)
    assert axes.get_lines()[0].get_xydata().tolist() == [[3, 5], [1, 6], [2, 4]]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        ("a", (3, 5)),
        ("b", (1, 6)),
        ("c", (2, 4)),
    ]


def test_axes_given_are_the_axes_drawn_on():
    left, right = plots.panels(2, width=6, height=3)
    assert plots.curves([0, 1], {"a": [0, 1]}, axes=right, **LABELS) is right
    assert left.figure is right.figure
    assert not left.lines
    assert left.figure.get_size_inches().tolist() == [6, 3]


def test_the_legend_hides_neither_data_nor_title():
    for names in ("ab", "abcde"):
        axes = plots.curves([0, 1], {name: [0, 1] for name in names}, title="t", **LABELS)
        axes.figure.draw_without_rendering()
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.get_window_extent().y1
        assert legend.y1 <= axes._left_title.get_window_extent().y0


@pytest.mark.parametrize(("number", "width"), [(1, 5.2), (2, 8.0), (3, 9.0)])
@pytest.mark.parametrize("names", ["ABCDE", ["good token, ε 0.2", "good token, ε 0.28", "bad"]])
def test_a_legend_of_many_names_stays_within_its_figure(number, width, names):
    axes = plots.panels(number, width=width)[-1]
    plots.curves([0, 1], {name: [0, 1] for name in names}, axes=axes, **LABELS)
    axes.figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().x1 <= axes.figure.bbox.x1 + 1


def test_short_names_stand_beside_one_another_in_a_panel_too():
    axes = plots.panels(2, width=7.4)[0]
    plots.curves([0, 1], {"gold": [0, 1], "proxy": [1, 2]}, axes=axes, **LABELS)
    axes.figure.draw_without_rendering()
    first, second = (text.get_window_extent() for text in axes.get_legend().get_texts())
    assert second.x0 > first.x1


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.curves([0, 1], {"a": [1, 2, 3]}, **LABELS), "a must have shape (2,), got"),
        (lambda: plots.curves([[0, 1]], {"a": [1]}, **LABELS), "x must have one axis"),
        (lambda: plots.curves([0, 1], {"a": [1, np.nan]}, **LABELS), "got nan at index 1"),
        (lambda: plots.curves([0], {}, **LABELS), "1 to 5 series, got 0"),
        (lambda: plots.bars("ab", {n: [1, 2] for n in "123456"}, **LABELS), "series, got 6"),
        (lambda: plots.bars("ab", {"a": [1]}, **LABELS), "a must have shape (2,)"),
        (
            lambda: plots.curves([0], {"a": [1]}, bands={"b": ([0], [1])}, **LABELS),
            "no series is named ['b']",
        ),
        (
            lambda: plots.points({"a": ([0], [1])}, notes={"a": ["x", "y"]}, **LABELS),
            "1 points, 2 notes",
        ),
    ],
)
def test_bad_input_is_named(draw, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw()
