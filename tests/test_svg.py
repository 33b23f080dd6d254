"""A figure as SVG keeps its geometry and its words, and nothing of its file."""

import re
from xml.etree.ElementTree import Element

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlhf_lab.svg import PAPER, drawn, figure_of, markup


def sample() -> Axes:
    axes = Figure(figsize=(4, 3)).subplots()
    axes.plot([0, 1, 2], [1, 3, 2], color="black", marker="o", label="a < b")
    axes.bar([0, 1], [1, 2], facecolor="none", edgecolor="#D55E00", hatch="//")
    axes.set_title("β & π*", color="black")
    axes.legend(loc="upper left", facecolor="white")
    return axes


@pytest.fixture(scope="module")
def svg() -> Element:
    return drawn(sample().figure)


def test_the_same_figure_gives_the_same_bytes(svg):
    assert markup(drawn(sample().figure)) == markup(svg)


def test_black_and_white_follow_the_page_and_colours_stay(svg):
    text = markup(svg)
    assert "#000000" not in text
    assert "#ffffff" not in text
    assert "stroke: currentColor" in text
    assert f"fill: {PAPER}" in text
    assert text.count("#d55e00") >= 2


def test_nothing_is_painted_behind_the_figure(svg):
    whole = [node for node in svg.iter("path") if node.get("d", "").startswith("M 0 216 L 288 216")]
    assert [node.get("style") for node in whole] == ["fill: none"]


def test_words_stay_words_in_one_font(svg):
    words = {node.text for node in svg.iter("text")}
    assert {"a < b", "β & π*"} <= words
    assert svg.get("font-family").startswith("DejaVu Sans, Verdana")
    assert "font-family:" not in markup(svg)
    assert "font-size: 12px; text-anchor: middle" in markup(svg)


def test_every_reference_finds_its_one_id(svg):
    text = markup(svg)
    ids = [node.get("id") for node in svg.iter() if node.get("id")]
    references = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", text))
    assert references == set(ids)
    assert len(ids) == len(set(ids))
    assert len(ids) >= 4  # clip, hatch, marker and ticks


def test_no_outside_name_no_style_for_the_whole_page(svg):
    text = markup(svg)
    assert not re.search(r"xlink|xmlns|http|<style|<metadata", text)


def test_coordinates_are_right_to_a_hundredth_of_a_point():
    axes = Figure(figsize=(4, 3)).add_axes((0.1, 0.1, 0.8, 0.8), xlim=(0, 3), ylim=(0, 7))
    axes.plot([1, 2], [1, 2], color="#0072B2")
    [path] = [node for node in drawn(axes.figure).iter("path") if "#0072b2" in node.get("style")]
    found = [float(number) for number in re.findall(r"[\d.]+", path.get("d"))]
    corners = [(288 * (0.1 + 0.8 * x / 3), 216 * (0.9 - 0.8 * y / 7)) for x, y in [(1, 1), (2, 2)]]
    assert found == pytest.approx([*corners[0], *corners[1]], abs=0.0051)
    assert all(number == round(number, 2) for number in found)


def test_a_turned_label_keeps_its_turn():
    axes = Figure().subplots()
    axes.set_ylabel("up")
    [label] = [node for node in drawn(axes.figure).iter("text") if node.text == "up"]
    assert label.get("transform").startswith("rotate(-90 ")


def test_a_scale_is_not_rounded(monkeypatch):
    from rlhf_lab.svg import _clean

    assert _clean("transform", "scale(0.015625)") == "scale(0.015625)"
    assert _clean("transform", "translate(1.23456 2)") == "translate(1.23 2)"


def test_pyplot_forgets_a_shown_figure():
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    assert figure_of(axes) is figure
    assert not pyplot.fignum_exists(figure.number)
