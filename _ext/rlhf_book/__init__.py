"""The one local Sphinx extension of the book.

assets     MathJax, the style sheet and a script, from this machine
alt_text   a figure or image without a text in words stops the build
citations  the list of references, as a list
ledger     chapters/claims.yml, read and checked
places     where marks and printed rows of claims stand
marks      the {claim} mark and the {claims} table
claims     ledger and pages compared, and the links between them
outputs    claims that the output of a cell names become links
imports    which modules of a package some source code needs
freshness  pages run again when the code that they use has changed
execution  the cells of several pages run at a time
colab      a button that opens a page's notebook
formula_ledger   chapters/formulas.yml, read and compared with the code
formulas   below each displayed formula: how it was checked
own_ids    no id stands twice on a page
unbroken   a formula in a line and the signs that touch it stay in one line
address    where the book and its repository are
found      each page's address, the sitemap, the repository
sharing    what a page says of itself where it is shared or found
citing     how to cite the book, and tags that say so
verified   below each page: commit, date, versions
favicon    the book's icon
icons      only the icons that the pages show
moved      old addresses lead to where their pages are now
missing_page  404.html
weights    what pages weigh and how long their cells ran
"""

import hashlib
from pathlib import Path

from sphinx.application import Sphinx

from rlhf_book import (
    alt_text,
    assets,
    citations,
    citing,
    claims,
    colab,
    execution,
    favicon,
    formulas,
    found,
    freshness,
    icons,
    missing_page,
    moved,
    outputs,
    own_ids,
    sharing,
    unbroken,
    verified,
    weights,
)

PARTS = (
    *(assets, alt_text, citations, claims, outputs, freshness, execution, colab, formulas),
    *(
        unbroken,
        own_ids,
        found,
        sharing,
        citing,
        verified,
        favicon,
        moved,
        missing_page,
        icons,
        weights,
    ),
)


def own_version() -> int:
    """A number that changes with this extension: Sphinx then reads and writes every page anew."""
    files = sorted(
        path for path in Path(__file__).parent.rglob("*") if path.suffix in {".py", ".css", ".js"}
    )
    return int(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8], 16)


def setup(app: Sphinx) -> dict[str, bool | int]:
    """Connect every part to Sphinx."""
    for part in PARTS:
        part.setup(app)
    return {"env_version": own_version(), "parallel_read_safe": True, "parallel_write_safe": True}
