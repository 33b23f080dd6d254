"""The sheets of the PDF have every table, figure and formula of a page, and nothing is cut off."""

import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from pdf_sheets import IncompleteError, printed, tags  # noqa: E402

# Formulas and tables; code, dropdowns and a figure; wide tables in boxes.
PAGES = ["chapters/cheat-sheet", "chapters/alignment", "chapters/experiments"]


@pytest.fixture
def page(browser):
    """A page without a network."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_each_table_figure_and_formula_of_a_page_is_tagged_on_its_sheets(
    name, page, book, tmp_path
):
    html = book / f"{name}.html"
    count = printed(page, html, tmp_path / "page.pdf")
    sheets = PdfReader(tmp_path / "page.pdf")
    assert len(sheets.pages) == count
    article = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser").select_one("article")
    found = list(tags(sheets.trailer["/Root"]["/StructTreeRoot"]))
    pictures = article.select("img, svg[role=img]")
    formulas = article.select(".math, .waiting")
    assert [kind for kind, _ in found].count("/Table") == len(article.select("table"))
    assert len([text for _, text in found if text]) >= len(pictures) + len(formulas)
    words = {" ".join(text.split()) for _, text in found}
    shown = {" ".join((x.get("alt") or x["aria-label"]).split()) for x in pictures}
    assert shown <= words


def test_what_is_folded_on_a_screen_is_on_paper(page, book, tmp_path):
    html = book / "chapters" / "alignment.html"
    printed(page, html, tmp_path / "page.pdf")
    text = "".join(sheet.extract_text() for sheet in PdfReader(tmp_path / "page.pdf").pages)
    letters = re.sub(r"\s", "", text)
    article = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser").select_one("article")
    folded = [code.get_text() for code in article.select(".dropdown pre, details pre")]
    assert len(folded) > 2
    assert [code for code in folded if re.sub(r"\s", "", code) not in letters] == []


@pytest.mark.parametrize(
    ("html", "wrong"),
    [
        ("<svg role='img' aria-label='a curve' width='0' height='0'></svg>", "not on a sheet: a c"),
        ("<pre style='width: 3000px'>code</pre>", "beyond the margin: pre code"),
        ("<div class='toggle' style='display: none'>answer</div>", "folded: div answer"),
    ],
)
def test_what_is_lost_or_cut_is_named(html, wrong, page, tmp_path):
    (tmp_path / "page.html").write_text(f"<article><h1>Title</h1>{html}</article>")
    with pytest.raises(IncompleteError, match=wrong):
        printed(page, tmp_path / "page.html", tmp_path / "page.pdf")


def test_a_wide_table_shrinks_to_its_sheet(page, tmp_path):
    cells = "".join(f"<td>column{n}</td>" for n in range(30))
    row = f"<tr><th>head</th></tr><tr>{cells}</tr>"
    (tmp_path / "page.html").write_text(f"<article><h1>Title</h1><table>{row}</table></article>")
    assert printed(page, tmp_path / "page.html", tmp_path / "page.pdf") == 1
