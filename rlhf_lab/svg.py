"""A matplotlib figure as SVG that may stand in a page.

Black becomes the text colour of the page and white its background, so that a figure is right in
light and in dark mode. Text stays text. The same figure gives the same bytes.
"""

import io
import re
import sys
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlhf_lab.style import STYLE

ROUNDED = {"d", "x", "y", "width", "height", "viewBox", "transform"}  # to 1/100 point
PAPER = "var(--pst-color-background, var(--jp-layout-color0, Canvas))"
FAMILY = "DejaVu Sans, Verdana, sans-serif"  # as wide as matplotlib takes its letters to be
ID_PREFIX = "\ue000"  # stands for the name of the figure, which its frames give later


def figure_of(drawing: Figure | Axes) -> Figure:
    """The figure itself; pyplot forgets it, or a kernel would show it a second time."""
    figure = drawing.figure if isinstance(drawing, Axes) else drawing
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)
    return figure


def drawn(figure: Figure) -> Element:
    """The figure as an <svg> element without what only a file of its own would need."""
    file = io.StringIO()
    with rc_context({**STYLE, "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = ElementTree.fromstring(file.getvalue())
    _drop(svg, {"metadata", "style"})
    for node in svg.iter():
        node.tag = _local(node.tag)
        node.attrib = {_local(key): _clean(_local(key), text) for key, text in node.items()}
        node.text = None if len(node) else node.text
        node.tail = None
    _rename_ids(svg)
    svg.attrib = {"viewBox": svg.get("viewBox"), "font-family": FAMILY}
    return svg


def markup(element: Element) -> str:
    """The element as text that may stand in an HTML page."""
    return ElementTree.tostring(element, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _drop(svg: Element, tags: set[str]) -> None:
    for parent in list(svg.iter()):
        for child in list(parent):
            if _local(child.tag) in tags:
                parent.remove(child)


def _clean(name: str, text: str) -> str:
    if name in ROUNDED and "scale" not in text and "matrix" not in text:
        text = " ".join(re.sub(r"-?\d+\.\d+", lambda n: f"{round(float(n[0]), 2):g}", text).split())
        return re.sub(r"rotate\(-0 [^)]*\)", "", text)
    if name == "style":
        text = re.sub(r"font-family: [^;]*(; |$)", "", text)
        return text.replace("#000000", "currentColor").replace("#ffffff", PAPER)
    return text


def _rename_ids(svg: Element) -> None:
    """Ids that nothing refers to go; the others are numbered in document order."""
    text = markup(svg)
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", text))
    names = {}
    for node in svg.iter():
        identity = node.attrib.pop("id", None)
        if identity in used:
            node.set("id", names.setdefault(identity, f"{ID_PREFIX}{len(names)}"))
    for node in svg.iter():
        for name, value in node.items():
            if "#" in value:
                pattern = r"(url\(|^)#([^)]+)"
                node.set(name, re.sub(pattern, lambda m: f"{m[1]}#{names.get(m[2], m[2])}", value))
