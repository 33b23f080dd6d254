"""Print the built book into one PDF: contents, every page with its boxes open, numbered sheets.

    python tools/make_pdf.py dist/rlhf-lab.pdf

Needs a Chromium and `make book`. Pages print as a browser prints them, without a network. Links
between pages become links between sheets. A table, figure or formula that is on a page and not on
its sheets is an error.
"""

import argparse
import re
import sys
import tempfile
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from pdf_sheets import IncompleteError, printed
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "_ext"))

from rlhf_book.browser import NoBrowserError, chromium  # noqa: E402

BUILT = ROOT / "_build" / "html"
SHEET = "<div style='height:297mm;break-after:page;position:relative'>{}</div>"
NUMBER = "<span style='position:absolute;bottom:9mm;width:100%;text-align:center'>{}</span>"
LOOK = (
    "<style>@page{margin:0} a{color:inherit;text-decoration:none}"
    "body{margin:0;font:10pt DejaVu Sans,sans-serif}</style>"
)


def pages_in_order() -> list[str]:
    """The pages that _toc.yml names, first to last."""
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    return [yaml.safe_load(text)["root"], *re.findall(r"file: (\S+)", text)]


def title_of(html: Path) -> str:
    """The first heading of a built page."""
    heading = re.search(r"<h1>([^\n]*?)</?(?:a|h1)\b", html.read_text(encoding="utf-8"))
    return re.sub(r"<[^>]+>", "", heading[1]).strip() if heading else html.stem


def contents(book: str, pages: list[Path], titles: list[str], starts: list[int]) -> str:
    """The first sheets: the title of the book and where each chapter begins."""
    rows = "".join(
        f"<tr><td><a href='{page.as_uri()}'>{escape(title)}</a></td>"
        f"<td style='text-align:right'>{start}</td></tr>"
        for page, title, start in zip(pages, titles, starts, strict=True)
    )
    table = f"<table style='width:100%;line-height:1.6'>{rows}</table>"
    return f"{LOOK}<div style='padding:25mm 25mm 20mm'><h1>{escape(book)}</h1>{table}</div>"


def numbers(count: int) -> str:
    """Sheets that carry nothing but their numbers."""
    return LOOK + "".join(SHEET.format(NUMBER.format(n)) for n in range(1, count + 1))


def from_html(page: Page, html: str, target: Path) -> PdfReader:
    """A PDF of some HTML without margins of its own."""
    page.set_content(html)
    page.pdf(path=target, format="A4")
    return PdfReader(target)


def link_sheets(writer: PdfWriter, starts: dict[Path, int]) -> None:
    """Links to files: to a page of the book they lead to its first sheet (from 1), others go."""
    for sheet in writer.pages:
        for reference in sheet.get("/Annots", ()):
            link = reference.get_object()
            action = link.get("/A", DictionaryObject()).get_object()
            address = urlsplit(str(action.get("/URI", "")))
            if address.scheme != "file":
                continue
            del link["/A"]
            start = starts.get(Path(unquote(address.path)))
            if start is not None:
                there = writer.pages[start - 1].indirect_reference
                link[NameObject("/Dest")] = ArrayObject([there, NameObject("/Fit")])


def main() -> None:
    """Print the pages, number their sheets and join them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    target = parser.parse_args().target
    try:
        browser_path = chromium()
    except NoBrowserError as error:
        sys.exit(str(error))
    if not (BUILT / "index.html").is_file():
        sys.exit(f"no built book at {BUILT}: run `make book` first")
    pages = [BUILT / f"{name}.html" for name in pages_in_order()]
    titles = [title_of(path) for path in pages]
    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"]
    writer = PdfWriter()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        work = Path(folder)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(color_scheme="light", offline=True)
        parts = [work / f"{path.stem}.pdf" for path in pages]
        try:
            sheets = [printed(page, *both) for both in tqdm(list(zip(pages, parts, strict=True)))]
        except IncompleteError as error:
            sys.exit(str(error))
        starts = [1 + sum(sheets[:n]) for n in range(len(sheets))]
        table = work / "contents.pdf"
        first = len(from_html(page, contents(book, pages, titles, starts), table).pages)
        starts = [first + start for start in starts]  # the contents stand before the pages
        writer.append(from_html(page, contents(book, pages, titles, starts), table))
        for part in parts:
            writer.append(PdfReader(part), import_outline=False)
        stamps = from_html(page, numbers(len(writer.pages)), work / "numbers.pdf")
        for sheet, stamp in zip(writer.pages, stamps.pages, strict=False):
            sheet.merge_page(stamp)
        browser.close()
    link_sheets(writer, dict(zip(pages, starts, strict=True)))
    for title, start in zip(titles, starts, strict=True):
        writer.add_outline_item(title=title, page_number=start - 1)
    writer.add_metadata({"/Title": book})
    writer.compress_identical_objects()
    target.parent.mkdir(parents=True, exist_ok=True)
    writer.write(target)
    print(f"{target}: {len(writer.pages)} sheets, {target.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
