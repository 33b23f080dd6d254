"""The PDF of the book: links between pages become links between sheets."""

import io
import sys
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import make_pdf  # noqa: E402

PAGES = [Path("/book/chapters/a.html"), Path("/book/chapters/b c.html")]


def test_links_lead_to_sheets_and_name_no_folder_of_this_machine():
    writer = PdfWriter()
    for _ in range(3):
        writer.add_blank_page(width=100, height=100)
    addresses = [
        PAGES[1].as_uri() + "#place",
        "file:///book/_sources/a.md",
        "https://arxiv.org/abs/1",
    ]
    for address in addresses:
        writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url=address))
    make_pdf.link_sheets(writer, {PAGES[0]: 2, PAGES[1]: 3})
    written = io.BytesIO()
    writer.write(written)
    assert b"file:" not in written.getvalue()
    sheets = PdfReader(written).pages
    to_page, to_source, outside = (link.get_object() for link in sheets[0]["/Annots"])
    assert to_page["/Dest"][0] == sheets[2].indirect_reference
    assert "/Dest" not in to_source
    assert outside["/A"]["/URI"] == "https://arxiv.org/abs/1"


def test_every_chapter_stands_in_the_contents_with_its_sheet():
    html = make_pdf.contents("The book", PAGES, ["First & last", "Second"], [2, 17])
    assert html.index("First &amp; last") < html.index(">2<") < html.index("Second")
    assert html.index("Second") < html.index(">17<")
