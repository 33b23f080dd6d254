"""Claims that the output of a cell names become links to their rows in the ledger.

A cell writes <span data-claim="DPO-4">DPO-4</span>. Where a page prints that row the span becomes
a link; elsewhere, and in a notebook, it stays the word that it is.
"""

import re
from collections.abc import Callable, Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from rlhf_book.places import anchor, ledger_path, page_with

SPAN = re.compile(r'<span data-claim="([A-Z]+-[0-9]+)">(.*?)</span>')


def linked(html: str, uri_of: Callable[[str], str | None]) -> str:
    """The HTML with a link for each named claim that has an address."""

    def link(span: re.Match) -> str:
        uri = uri_of(span[1])
        return (
            span[0] if uri is None else f'<a class="reference internal" href="{uri}">{span[2]}</a>'
        )

    return SPAN.sub(link, html)


def named_in(document: nodes.document) -> Iterator[nodes.raw]:
    """The pieces of HTML that name a claim."""
    for raw in document.findall(nodes.raw):
        if "html" in raw.get("format", "") and SPAN.search(raw.astext()):
            yield raw


class LinkClaims(SphinxPostTransform):
    """Links claims in the outputs of cells; runs after myst-nb has chosen them."""

    default_priority = 7

    def run(self, **_: object) -> None:
        for raw in list(named_in(self.document)):
            html = linked(raw.astext(), self.uri_of)
            raw.replace_self(nodes.raw("", html, format=raw["format"]))

    def uri_of(self, name: str) -> str | None:
        """Where the row of a claim is printed, seen from this page."""
        page = page_with(self.env, "row", name)
        if page is None:
            return None
        uri = (
            ""
            if page == self.env.docname
            else self.app.builder.get_relative_uri(self.env.docname, page)
        )
        return f"{uri}#{anchor('row', name)}"


def note_ledger(app: Sphinx, document: nodes.document) -> None:
    """A page whose outputs name claims is read again when the ledger changes."""
    if any(named_in(document)):
        app.env.note_dependency(str(ledger_path(app.env)))


def setup(app: Sphinx) -> None:
    app.add_post_transform(LinkClaims)
    app.connect("doctree-read", note_ledger)
