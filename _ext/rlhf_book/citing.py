"""How to cite the book, from CITATION.cff: a BibTeX entry on a page, tags on every page."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rlhf_book.address import release_of, repository_of

FILE = "CITATION.cff"


@dataclass(frozen=True, kw_only=True)
class Citation:
    """What a citation says of the book."""

    title: str
    authors: tuple[str, ...]
    year: str
    release: str  # the tag, v0.1.0
    address: str  # of the repository; empty where none is known


def citation_of(root: Path, year: str) -> Citation:
    """What CITATION.cff says."""
    said = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
    names = [
        person.get("name") or f"{person['given-names']} {person['family-names']}"
        for person in said["authors"]
    ]
    return Citation(
        title=said["title"],
        authors=tuple(names),
        year=year,
        release=release_of(root),
        address=repository_of(root),
    )


def bibtex(citation: Citation) -> str:
    """The entry of the book. Braces keep the authors' names and the title as they are."""
    authors = " and ".join("{" + name.replace("_", r"\_") + "}" for name in citation.authors)
    fields = {
        "title": "{" + citation.title + "}",
        "author": authors,
        "year": citation.year,
        "note": f"Release {citation.release}",
        "url": citation.address,
    }
    lines = [f"  {name:6} = {{{value}}}," for name, value in fields.items() if value]
    key = re.sub(r"\W+", "-", citation.address.rpartition("/")[2] or "book")
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def tags(citation: Citation, page_title: str, page_address: str) -> str:
    """What reference managers read in the head of a page: the page as a part of the book."""
    values = [
        ("citation_title", page_title),
        ("citation_inbook_title", citation.title),
        *(("citation_author", name) for name in citation.authors),
        ("citation_publication_date", citation.year),
        ("citation_language", "en"),
        ("citation_public_url", page_address),
    ]
    return "".join(
        f'<meta name="{name}" content="{escape(value, quote=True)}" />\n'
        for name, value in values
        if value
    )


def year_of(app: Sphinx) -> str:
    """The last year of the copyright in _config.yml; ValueError where it names none."""
    years = re.findall(r"\d{4}", app.config.copyright)
    if not years:
        raise ValueError(f"copyright must name a year, got {app.config.copyright!r}")
    return years[-1]


class CiteThisBookDirective(SphinxDirective):
    """{cite-this-book}: the BibTeX entry of this release."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / FILE))
        root = Path(self.env.srcdir)
        if not (root / FILE).exists():
            raise self.error(f"{{cite-this-book}} needs {FILE} beside _config.yml")
        text = bibtex(citation_of(root, year_of(self.env.app)))
        return [nodes.literal_block(text, text, language="bibtex")]


def add_tags(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Put the tags into the head of a page that was written by somebody."""
    if doctree is not None and (Path(app.srcdir) / FILE).exists():
        citation = citation_of(Path(app.srcdir), year_of(app))
        title = re.sub(r"<[^>]+>", "", context.get("title", ""))
        context["metatags"] += tags(citation, title, context.get("pageurl") or "")


def setup(app: Sphinx) -> None:
    app.add_directive("cite-this-book", CiteThisBookDirective)
    app.connect("html-page-context", add_tags)
