"""Frames of one figure as HTML: the first whole, of the others only what changes.

A slider of the browser's own goes from frame to frame by a few lines of JavaScript. Nothing is
asked of a kernel or a network; without JavaScript the slider is hidden and the first frame stays.
"""

import hashlib
import json
from collections.abc import Sequence
from html import escape
from string import Template
from xml.etree.ElementTree import Element

from rlhf_lab.svg import ID_PREFIX, markup

INNER, TEXT = "#inner", "#text"  # beside names of attributes
PHONE_PIXELS = 340  # a column of text on a phone
SMALLEST = 0.62  # of its size: what must shrink further to fit a phone scrolls there instead

Change = tuple[int, str, list[str | None]]

# The theme gives every HTML output a light background in dark mode; figures need none.
FIGURE = Template(
    """<div class="rlhf-figure" style="color:var(--pst-color-text-base,inherit)">
<style>.text_html:has(>.rlhf-figure){background:none!important;padding:0!important}</style>
<div$scroll><svg viewBox="$box" role="img" aria-label="$alt" fill="currentColor"
 stroke-linejoin="round" stroke-linecap="butt" font-family="$family"
 style="display:block;margin:auto;width:100%;min-width:${least}px;max-width:${most}px">$content</svg>
</div>$slider</div>
"""
)
SCROLL = ' style="overflow-x:auto" tabindex="0" role="group" aria-label="figure, scrolls sideways"'
SLIDER = Template(
    """
<div hidden><div style="display:flex;gap:1em;align-items:center;justify-content:center">
<label style="flex:0 1 24em;display:flex;gap:1em;align-items:center">$label
<input type="range" min="0" max="$last" step="1" value="$start" autocomplete="off"
 aria-valuetext="$text" style="flex:1;min-width:0;height:2em;accent-color:#0072B2"></label>
<output aria-live="off" style="min-width:4em">$text</output></div></div>
<script>{
  const figure = document.currentScript.parentElement, svg = figure.querySelector("svg");
  const slider = figure.querySelector("input"), output = figure.querySelector("output");
  const nodes = [svg, ...svg.querySelectorAll("*")], texts = $texts, changes = $changes;
  slider.addEventListener("input", () => {
    const frame = slider.value;
    output.value = texts[frame];
    slider.setAttribute("aria-valuetext", texts[frame]);
    for (const [number, name, values] of changes) {
      const node = nodes[number], value = values[frame];
      if (name === "#inner") node.innerHTML = value;
      else if (name === "#text") node.textContent = value;
      else if (value === null) node.removeAttribute(name);
      else node.setAttribute(name, value);
    }
  });
  slider.closest("[hidden]").hidden = false;
}</script>"""
)


def page(
    frames: Sequence[Element],
    *,
    alt: str,
    label: str = "",
    texts: Sequence[str] = ("",),
    start: int = 0,
) -> str:
    """The frames as one piece of HTML that needs nothing from outside; one frame has no slider.

    `label` names the slider, `texts` its value in each frame; frame `start` is kept whole. The
    ids in it come from a hash of the content: the same figure twice on a page has the same ids.
    """
    svg, slider = frames[start], ""
    if len(frames) > 1:
        slider = SLIDER.substitute(
            label=escape(label),
            last=len(frames) - 1,
            start=start,
            text=escape(texts[start]),
            texts=_literal(texts),
            changes=_literal(changes(frames, start)),
        )
    width = round(float(svg.get("viewBox").split()[2]) * 4 / 3)  # points to CSS pixels
    least = round(SMALLEST * width)
    html = FIGURE.substitute(
        scroll=SCROLL if least > PHONE_PIXELS else "",
        box=svg.get("viewBox"),
        alt=escape(alt),
        family=svg.get("font-family"),
        least=least if least > PHONE_PIXELS else 0,
        most=width,
        content="".join(map(markup, svg)),
        slider=slider,
    )
    return html.replace(ID_PREFIX, "figure-" + hashlib.sha256(html.encode()).hexdigest()[:10])


def changes(frames: Sequence[Element], start: int) -> list[Change]:
    """(element, attribute, its value in every frame) for all that is not the same in all frames.

    Elements are counted in document order from 0, the <svg> itself, in frame `start`. `#text` is
    an element's text; `#inner` its whole content, where the frames have other elements there.
    The values of frame k put into frame `start` give frame k exactly.
    """
    number = {id(node): i for i, node in enumerate(frames[start].iter())}
    found: list[Change] = []
    pending = [tuple(frames)]
    while pending:
        nodes = pending.pop()
        own = number[id(nodes[start])]
        seen = {name: [node.get(name) for node in nodes] for name in _names(nodes)}
        if len({tuple(child.tag for child in node) for node in nodes}) > 1:
            seen[INNER] = ["".join(map(markup, node)) for node in nodes]
        else:
            seen[TEXT] = [node.text for node in nodes]
            pending += zip(*nodes, strict=True)
        found += [(own, name, values) for name, values in seen.items() if len(set(values)) > 1]
    return sorted(found)


def _names(nodes: Sequence[Element]) -> list[str]:
    return sorted(set().union(*(node.keys() for node in nodes)))


def _literal(value: object) -> str:
    """The value as JSON that may stand in a <script> element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
