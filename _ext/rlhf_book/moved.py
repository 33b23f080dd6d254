"""Old addresses of pages lead to where these are now: redirects.yml, old: new or new#place."""

import json
from html import escape
from pathlib import Path
from posixpath import relpath

import yaml
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
FILE = "redirects.yml"
# The script keeps the reader's own #place; without scripts the page leads to the one named here.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>This page has moved</title>
<meta name="robots" content="noindex">
<script>location.replace({script} + (location.hash || {place}))</script>
<noscript><meta http-equiv="refresh" content="0; url={link}"></noscript>
</head>
<body><p>This page has moved: <a href="{link}">{name}</a>.</p></body>
</html>
"""


def read_redirects(root: Path) -> dict[str, str]:
    """Old and new address of each page that has moved; empty where there is no such file."""
    path = root / FILE
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def faults(redirects: dict[str, str], pages: set[str]) -> list[str]:
    """What is wrong with the redirects of a book that has these pages."""
    found = [
        f"{old} is a page of the book: it cannot lead elsewhere"
        for old in redirects
        if old in pages
    ]
    for old, new in redirects.items():
        if new.partition("#")[0] not in pages:
            found.append(f"{old} leads to {new}, which is no page of the book")
    return found


def moved_page(old: str, new: str) -> str:
    """The HTML at an old address; its link is relative, so it works under every path."""
    page, hash_sign, place = new.partition("#")
    address = relpath(f"{page}.html", Path(old).parent.as_posix())
    return PAGE.format(
        script=json.dumps(address),
        place=json.dumps(hash_sign + place),
        link=escape(address + hash_sign + place, quote=True),
        name=escape(page),
    )


def check_redirects(app: Sphinx, env: object) -> None:
    """Warn of each redirect that leads nowhere."""
    for message in faults(read_redirects(Path(app.srcdir)), set(env.found_docs)):
        logger.warning("%s", message, location=FILE)


def write_redirects(app: Sphinx, exception: Exception | None) -> None:
    """Write the pages at the old addresses."""
    if exception is not None or app.builder.format != "html":
        return
    for old, new in read_redirects(Path(app.srcdir)).items():
        path = Path(app.outdir) / f"{old}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(moved_page(old, new), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("env-updated", check_redirects)
    app.connect("build-finished", write_redirects)
