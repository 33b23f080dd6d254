"""Below each page: the commit it was built from, that commit's date, and the versions it ran on.

The date is the commit's and not this machine's, so the same commit gives the same pages. The theme
writes a place for the sentence, which is filled when all pages are written: were the commit one of
the theme's settings, Sphinx would write every page anew after each commit and each first change.
"""

import platform
import re
import subprocess
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

PLACE = '<p class="last-verified"></p>'
SENTENCE = re.compile(r'<p class="last-verified">.*?</p>', re.DOTALL)
PACKAGES = {"PyTorch": "torch", "transformers": "transformers", "SymPy": "sympy"}


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What git says of the files of the book."""

    name: str  # the first characters of its hash
    date: str  # 2026-11-25
    changed: bool  # files differ from it


def commit_of(root: Path) -> Commit | None:
    """The commit of a folder; None where git does not know it."""
    try:
        shown, changes = (
            subprocess.run(
                ["git", "-C", root, *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (
                ["log", "-1", "--abbrev=9", "--format=%h %cs"],
                ["status", "--porcelain", "--untracked-files=no"],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    name, date = shown.split()
    return Commit(name=name, date=date, changed=bool(changes))


def versions() -> dict[str, str]:
    """What the cells of the pages run on; a package that is not there is left out."""
    found = {"Python": platform.python_version()}
    for name, package in PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


def sentence(commit: Commit | None, ran_on: dict[str, str]) -> str:
    """When the book was last verified, as HTML."""
    names = ", ".join(f"{name} {number}" for name, number in ran_on.items())
    if commit is None:
        return f'<p class="last-verified">Every cell ran on {escape(names)}.</p>'
    changes = " with changes" if commit.changed else ""
    return (
        f'<p class="last-verified">Last verified: <time datetime="{commit.date}">{commit.date}'
        f"</time>, commit <code>{commit.name}</code>{changes}; every cell ran on "
        f"{escape(names)}.</p>"
    )


def with_sentence(html: str, own: str) -> str:
    """A page with this sentence in its place, or for that of an earlier build."""
    return SENTENCE.sub(lambda _: own, html)


def add_place(app: Sphinx, config: Config) -> None:
    """Put the place into the footer of the book's theme, after what the settings have there."""
    if config.html_theme != "sphinx_book_theme":
        return
    options = config.html_theme_options
    config.html_theme_options = options | {"extra_footer": options.get("extra_footer", "") + PLACE}


def write_sentence(app: Sphinx, exception: Exception | None) -> None:
    """Say it on all pages of a book that was built, those that this build left alone included."""
    if exception is not None or app.builder.format != "html":
        return
    own = sentence(commit_of(Path(app.srcdir)), versions())
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if with_sentence(text, own) != text:
            path.write_text(with_sentence(text, own), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("config-inited", add_place)
    app.connect("build-finished", write_sentence)
