"""What a page says of itself where a link to it is shared or found: OpenGraph and a description.

The description is what a reader will be able to do after the page, or its first sentences, without
formulas. sphinxext-opengraph would write the LaTeX of the formulas into it.
"""

import re
from collections.abc import Iterator
from html import escape

from docutils import nodes
from sphinx.application import Sphinx

MOST_CHARACTERS = 250
FORMULA = "\ufffc"  # stands where one was
GOALS = "What you will be able to do"
SHUT = (
    nodes.Admonition,
    nodes.admonition,
    nodes.table,
    nodes.figure,
    nodes.footnote,
    nodes.citation,
)


def without_formulas(node: nodes.Element) -> str:
    """The sentences of a paragraph or list item that hold no formula."""
    text = "".join(
        FORMULA if isinstance(part.parent, nodes.math) else part.astext()
        for part in node.findall(nodes.Text)
    )
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(text.split()))
    return " ".join(sentence for sentence in sentences if FORMULA not in sentence)


def goals(document: nodes.document) -> Iterator[nodes.Element]:
    """The entries of the box that says what a reader will be able to do."""
    for box in document.findall(nodes.admonition):
        if box.children and box[0].astext() == GOALS:
            yield from box.findall(nodes.list_item)


def paragraphs(document: nodes.document) -> Iterator[nodes.Element]:
    """The paragraphs that stand in no box, table or figure."""
    for paragraph in document.findall(nodes.paragraph):
        above, node = [], paragraph.parent
        while node is not None:
            above.append(node)
            node = node.parent
        if not any(isinstance(node, SHUT) for node in above):
            yield paragraph


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """The whole sentences at the beginning of a text, or the words that there is room for."""
    if len(text) <= most:
        return text
    sentence = re.match(rf"(.{{1,{most}}}[.!?])\s", text)
    return sentence[1] if sentence else text[: most - 2].rpartition(" ")[0] + " …"


def description(document: nodes.document) -> str:
    """One or more sentences that say what the page is for; empty where it has none."""
    for parts in (goals(document), paragraphs(document)):
        text = " ".join(filter(None, map(without_formulas, parts)))
        if text:
            return shortened(text)
    return ""


def tags(values: dict[str, str]) -> str:
    """One meta tag for each value that is not empty: OpenGraph's by property, others by name."""
    return "".join(
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" '
        f'content="{escape(value, quote=True)}" />\n'
        for name, value in values.items()
        if value
    )


def add_tags(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Put the tags into the head of a page that was written by somebody."""
    if doctree is None:
        return
    title, book = re.sub(r"<[^>]+>", "", context.get("title", "")), app.config.html_title
    words = description(doctree) or f"{title}. A page of {book}."
    context["metatags"] += tags(
        {
            "description": words,
            "og:title": title,
            "og:type": "article",
            "og:url": context.get("pageurl") or "",
            "og:site_name": book,
            "og:description": words,
        }
    )


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add_tags)
