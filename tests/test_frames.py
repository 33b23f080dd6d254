"""What is recorded gives each frame back exactly, and little of it."""

import copy
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from rlhf_lab.frames import INNER, TEXT, changes, page
from rlhf_lab.svg import markup


def parsed(inner: str) -> Element:
    return ElementTree.fromstring(f'<svg viewBox="0 0 300 200" font-family="serif">{inner}</svg>')


ALIKE = [parsed(f'<g><path d="M{i} 0"/><text x="1">{i}</text></g><rect/>') for i in range(3)]
UNLIKE = [parsed("<g><path/>" + "<use x='2'/>" * i + f"</g><rect x='{i}'/>") for i in range(3)]
SOMETIMES = [parsed("<rect/>"), parsed("<rect fill='none'/>"), parsed("<rect x='1'/>")]


def replayed(frames: list[Element], start: int, shown: int) -> str:
    """Frame `shown` made from frame `start` and the changes, as the script in the page does it."""
    svg = copy.deepcopy(frames[start])
    nodes = list(svg.iter())
    for number, name, values in changes(frames, start):
        node, value = nodes[number], values[shown]
        if name == INNER:
            node[:] = list(parsed(value))
        elif name == TEXT:
            node.text = value
        elif value is None:
            node.attrib.pop(name, None)
        else:
            node.set(name, value)
    return ElementTree.canonicalize(markup(svg))


@pytest.mark.parametrize("frames", [ALIKE, UNLIKE, SOMETIMES], ids=["alike", "unlike", "sometimes"])
@pytest.mark.parametrize("start", range(3))
def test_each_frame_is_the_first_with_its_changes(frames, start):
    for shown in range(3):
        assert replayed(frames, start, shown) == ElementTree.canonicalize(markup(frames[shown]))


def test_only_what_changes_is_recorded():
    assert changes(ALIKE, 0) == [(2, "d", ["M0 0", "M1 0", "M2 0"]), (3, TEXT, ["0", "1", "2"])]
    assert changes([ALIKE[0]] * 3, 0) == []


def test_other_elements_are_recorded_where_they_are_and_not_above():
    assert [(number, name) for number, name, _ in changes(UNLIKE, 0)] == [(1, INNER), (3, "x")]


class Reader(HTMLParser):
    """Attributes of every start tag, and the text in scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_one_frame_has_no_slider_and_no_script():
    reader = read(page(ALIKE[:1], alt="a figure"))
    assert not reader.all("input")
    assert not reader.all("script")
    [svg] = reader.all("svg")
    assert (svg["role"], svg["aria-label"], svg["viewbox"]) == ("img", "a figure", "0 0 300 200")


def test_the_slider_has_name_range_and_value():
    html = page(ALIKE, alt="a", label="β", texts=["0.1", "0.5", "1"], start=1)
    [slider] = read(html).all("input")
    wanted = {"type": "range", "min": "0", "max": "2", "value": "1", "aria-valuetext": "0.5"}
    assert wanted.items() <= slider.items()
    assert re.search(r"<label[^>]*>β\s*<input", html)
    assert re.search(r"<output[^>]*>0.5</output>", html)


def test_without_script_the_slider_is_hidden_and_the_start_frame_stands():
    html = page(ALIKE, alt="a", label="β", texts=["0.1", "0.5", "1"], start=1)
    before_script = html.partition("<script>")[0]
    assert before_script.index("<div hidden>") < before_script.index("<input")
    assert '<path d="M1 0"' in before_script
    assert "M0 0" not in before_script


def test_text_cannot_break_out_of_attribute_element_or_script():
    evil = '"></svg></script><b>&'
    frames = [parsed(f"<text>{i}&lt;/script&gt;&lt;b&gt;</text>") for i in range(2)]
    reader = read(page(frames, alt=evil, label=evil, texts=[evil, "1"]))
    assert not reader.all("b")
    assert len(reader.all("script")) == 1
    assert reader.all("svg")[0]["aria-label"] == evil
    assert reader.all("input")[0]["aria-valuetext"] == evil
    recorded = re.search(r"changes = (\[.*\]);", "".join(reader.scripts))[1]
    assert json.loads(recorded)[0][2] == ["0</script><b>", "1</script><b>"]


def test_ids_differ_between_figures_and_are_the_same_each_time():
    frames = [parsed(f'<path id="\ue0000"/><use href="#\ue0000" x="{i}"/>') for i in range(2)]
    html = page(frames, alt="a", texts=["0", "1"])
    [identity] = re.findall(r' id="([^"]*)"', html)
    assert f'href="#{identity}"' in html
    assert "\ue000" not in html
    assert page(frames, alt="a", texts=["0", "1"]) == html
    assert identity not in page(frames, alt="another", texts=["0", "1"])


def test_only_what_is_too_wide_for_a_phone_scrolls():
    wide = ElementTree.fromstring(
        '<svg viewBox="0 0 648 200" font-family="serif"></svg>'
    )  # 9 inches, 864 pixels
    assert "tabindex" not in page(ALIKE[:1], alt="a")
    assert 'tabindex="0"' in page([wide], alt="a")
    assert "min-width:536px;max-width:864px" in page([wide], alt="a")
