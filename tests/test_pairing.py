"""`make lab`: the pages open as notebooks, and saving one there changes nothing but empty lines."""

from pathlib import Path

import jupytext
import pytest
from jupytext.config import load_jupytext_configuration_file

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path
    for path in sorted((ROOT / "chapters").glob("*.md"))
    if path.read_text(encoding="utf-8").startswith("---\nfile_format: mystnb\n")
]


def lines(text: str) -> list[str]:
    """The lines of a page that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_opened_and_saved_as_a_notebook_is_the_same_page(path: Path):
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="md:myst")
    assert any(cell.cell_type == "code" for cell in notebook.cells)
    settings = load_jupytext_configuration_file(str(ROOT / "jupytext.toml"))
    settings.set_default_format_options(notebook.metadata.setdefault("jupytext", {}))
    assert lines(jupytext.writes(notebook, fmt="md:myst")) == lines(text)


def test_pages_are_paired_with_notebooks_that_git_does_not_keep():
    settings = load_jupytext_configuration_file(str(ROOT / "jupytext.toml"))
    formats = settings.default_formats(str(ROOT / "chapters" / "dpo.md"))
    assert formats == "chapters///md:myst,_build/lab///ipynb"
    assert "_build/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
