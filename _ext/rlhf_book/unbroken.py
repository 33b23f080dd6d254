"""A formula in a line keeps the signs that touch it: no line begins with its full stop.

A browser may break a line beside a formula, also before a comma and behind an opening bracket.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

OPENING, CLOSING = re.compile(r"[(\[“‘]+$"), re.compile(r"^[.,;:?!)\]”’]+")


def touching(sibling: nodes.Node | None, sign: re.Pattern[str]) -> str:
    """The signs with which the text beside a formula touches it; none where it is no text."""
    found = sign.search(sibling.astext()) if isinstance(sibling, nodes.Text) else None
    return found[0] if found else ""


def hold_together(formula: nodes.math) -> None:
    """Put a formula and the signs that touch it into one span that is not broken."""
    parent, place = formula.parent, formula.parent.index(formula)
    before = parent[place - 1] if place else None
    after = parent[place + 1] if place + 1 < len(parent) else None
    opening, closing = touching(before, OPENING), touching(after, CLOSING)
    if not opening and not closing:
        return
    signs = [nodes.Text(text) for text in (opening, closing)]
    span = nodes.inline("", "", signs[0], formula.deepcopy(), signs[1], classes=["unbroken"])
    if closing:
        parent[place + 1] = nodes.Text(after.astext().removeprefix(closing))
    parent[place] = span
    if opening:
        parent[place - 1] = nodes.Text(before.astext().removesuffix(opening))


class Unbroken(SphinxPostTransform):
    """Every formula in a line of text; a displayed one has a line of its own."""

    formats = ("html",)
    default_priority = 900

    def run(self, **_: object) -> None:
        for formula in list(self.document.findall(nodes.math)):
            hold_together(formula)


def setup(app: Sphinx) -> None:
    app.add_post_transform(Unbroken)
