"""What pages say of claims: where each mark and each printed row stands."""

from pathlib import Path

from docutils import nodes
from sphinx.environment import BuildEnvironment

from rlhf_book.ledger import Mark


class claim_link(nodes.Inline, nodes.TextElement):  # noqa: N801 (docutils' own style)
    """Becomes a link, when all pages are read: to a row of the table, or to the mark."""


def anchor(kind: str, name: str) -> str:
    """The id of a mark ("claim") or of a row ("row"): claim-dpo-7, row-dpo-7."""
    return f"{kind}-{name.lower()}"


def ledger_path(env: BuildEnvironment) -> Path:
    """Where the ledger lies."""
    return Path(env.srcdir) / env.config.claims_ledger


def places(env: BuildEnvironment, kind: str) -> dict[str, list[Mark]]:
    """All marks ("claim") or printed rows ("row") of the book, by page."""
    if not hasattr(env, "rlhf_places"):
        env.rlhf_places = {"claim": {}, "row": {}}
    return env.rlhf_places[kind]


def note_place(env: BuildEnvironment, kind: str, name: str, line: int) -> bool:
    """Remember a mark or row of the page being read; False when the page has it already."""
    here = places(env, kind).setdefault(env.docname, [])
    is_new = all(place.name != name for place in here)
    here.append(Mark(name=name, page=env.docname, line=line))
    return is_new


def page_with(env: BuildEnvironment, kind: str, name: str) -> str | None:
    """The page with that mark or row, the present one where it can be; None where none has it."""
    pages = [
        page
        for page, found in places(env, kind).items()
        if any(place.name == name for place in found)
    ]
    return env.docname if env.docname in pages else min(pages, default=None)
