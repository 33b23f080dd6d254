"""The cells of pages run several pages at a time, before the pages are read."""

import time
from pathlib import Path

import psutil
import pytest
from myst_nb.core.read import read_myst_markdown_notebook
from rlhf_book.execution import Page, at_once, fault, run_all
from tiny_book import Book


@pytest.mark.parametrize(
    ("pages", "cores", "gigabytes", "expected"),
    [
        (20, 2, 16, 2),
        (20, 1, 16, 1),
        (3, 8, 64, 3),
        (20, 8, 4.5, 4),
        (20, 2, 0.5, 1),
        (50, 64, 512, 8),
        (0, 2, 16, 1),
    ],
)
def test_one_page_a_core_as_far_as_memory_reaches(pages, cores, gigabytes, expected):
    assert at_once(pages=pages, cores=cores, memory=gigabytes * 1e9) == expected


def page_of(path: Path, *cells: str) -> Page:
    """A page with some cells, each below a sentence."""
    head = "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n"
    blocks = (f"Text.\n\n```{{code-cell}} python\n{cell}\n```\n" for cell in cells)
    path.write_text(head + "".join(blocks))
    notebook = read_myst_markdown_notebook(path.read_text(), add_source_map=True, path=path)
    return Page(name=path.stem, path=path, notebook=notebook)


MEET = """
import time
from pathlib import Path

Path("{own}").touch()
for _ in range(600):
    if Path("{other}").exists():
        break
    time.sleep(0.1)
print(Path("{other}").exists())
"""


def test_two_pages_run_at_the_same_time_in_their_folder(tmp_path: Path):
    pages = [
        page_of(tmp_path / f"{own}.md", MEET.format(own=own, other=other))
        for own, other in (("here", "there"), ("there", "here"))
    ]
    ran = {page.name: error for page, _, error in run_all(pages, number=2, timeout=100)}
    assert ran == {"here": None, "there": None}
    assert [page.notebook.cells[-1].outputs[0].text for page in pages] == ["True\n"] * 2


def test_no_kernel_outlives_a_build_that_is_stopped(tmp_path: Path):
    pages = [
        page_of(tmp_path / "long.md", "import time; time.sleep(300)"),
        page_of(tmp_path / "short.md", "1"),
    ]
    before = psutil.Process().children()
    results = run_all(pages, number=2, timeout=300)
    assert next(results)[0].name == "short"
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 60
    assert psutil.Process().children() == before


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import time; time.sleep(30)", "timed out"),
        ("import os; os._exit(1)", "Kernel died"),
    ],
)
def test_what_stops_a_cell_is_named_with_the_cell_and_its_line(cell, complaint, tmp_path: Path):
    page = page_of(tmp_path / "page.md", "first = 1", cell, "last = 1")
    ((_, _, error),) = run_all([page], number=1, timeout=3)
    message, line = fault(page, error)
    assert message.startswith("cell 2 failed: ")
    assert complaint in message
    assert page.path.read_text().splitlines()[line - 1] == cell


def test_a_failed_cell_stops_the_build_and_the_other_pages_are_kept(tmp_path: Path):
    book = Book(tmp_path / "source")
    text = (book.root / "other.md").read_text()
    book.write("other.md", text.replace("print(", "print(1 / 0,"))
    result = book.build()
    assert result.returncode != 0
    line = 1 + text.splitlines().index("```{code-cell} python")
    assert f"other.md:{line + 1}: ERROR: cell 1 failed: " in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "cells failed on other" in result.stderr
    assert not (book.root / "_build/html/index.html").exists()
    book.write("other.md", text)
    assert book.executed() == {"other"}
