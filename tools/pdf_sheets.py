"""One page of the built book on sheets, and whether all that is on the page is on them.

The sheets carry tags that a reading program uses, and that is how the page and its sheets are
compared: each table, figure and formula of the page must be tagged on the sheets, each figure and
formula with its text in words or in TeX. Nothing may stand folded, or reach beyond the margins.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject

MARGIN = {"top": "16mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}
SCALE = 0.75  # of what the screen shows: text of about 10 points
WIDTH = round((210 - 36) / 25.4 * 96 / SCALE)  # pixels between the margins of a sheet
LOOK = """
.bd-main .bd-content { margin: 0 !important; }
mjx-c.written::before { content: none !important; }
"""
OPEN = """() => {
  document.querySelectorAll("details").forEach(box => { box.open = true; });
  document.querySelectorAll(".toggle-hidden").forEach(x => x.classList.remove("toggle-hidden"));
  dispatchEvent(new Event("beforeprint"));
}"""
IS_SET = """() => [...document.querySelectorAll("article :is(.math, .waiting)")].every(
  formula => formula.querySelector("mjx-container"))"""
# MathJax draws letters as decoration, which belongs to nothing: as text they get the tag of their
# formula, whose words are its TeX.
TAG = """async () => {
  const stretched = ":is(mjx-stretchy-h, mjx-stretchy-v) *";  // parts of arrows and tall brackets
  const letters = [...document.querySelectorAll(`mjx-c:not(${stretched})`)].map(letter => {
    const {content, padding, fontSize} = getComputedStyle(letter, "::before");
    const places = padding.split(" ").map(side => `${parseFloat(side) / parseFloat(fontSize)}em`);
    return [letter, content.slice(1, -1), places.join(" ")];
  });
  for (const [letter, text, places] of letters) {
    const written = letter.appendChild(document.createElement("span"));
    letter.classList.add("written");
    written.textContent = text;
    written.style = `display: block; width: 0; white-space: pre; padding: ${places}`;
  }
  for (const {math, typesetRoot} of MathJax.startup.document.math) {
    typesetRoot.setAttribute("role", "img");
    typesetRoot.setAttribute("aria-label", math);
    typesetRoot.querySelector("mjx-math").removeAttribute("aria-hidden");
  }
}"""
# What is wider than its place shrinks to fit it.
FIT = """async () => {
  await document.fonts.ready;
  const room = x => {
    let box = x.parentElement;
    while (getComputedStyle(box).display.startsWith("inline")) box = box.parentElement;
    const look = getComputedStyle(box);
    return box.clientWidth - parseFloat(look.paddingLeft) - parseFloat(look.paddingRight);
  };
  const sizes = [...document.querySelectorAll("article :is(mjx-container, table)")].map(x =>
    [x, room(x), (x.querySelector(":scope > mjx-math") ?? x).scrollWidth]);
  for (const [x, wide, need] of sizes) {
    if (wide <= 0 || need <= wide) continue;
    const size = parseFloat(getComputedStyle(x).fontSize);
    x.style.fontSize = `${0.99 * size * wide / need}px`;
    if (x.localName === "table") x.style.lineHeight = 1.3;
  }
}"""
# What a page shows (its tables, and the words of its figures and formulas), and what is wrong.
SHOWN = """() => {
  const article = document.querySelector("article");
  const all = selector => [...article.querySelectorAll(selector)];
  const seen = x => x.checkVisibility({visibilityProperty: true});
  const {left, right} = article.getBoundingClientRect();
  const outside = x => {
    const place = x.getBoundingClientRect();
    return place.width > 0 && (place.left < left - 1 || place.right > right + 1);
  };
  const name = x => `${x.localName} ${x.textContent.slice(0, 80)}`;
  return {
    tables: all("table").filter(seen).length,
    words: all("img, svg[role=img], mjx-container").filter(seen)
      .map(x => x.getAttribute("alt") ?? x.getAttribute("aria-label")),
    folded: all("details > *, .toggle, .toggle > *").filter(x =>
      !x.closest("[hidden], .bar, button, summary") && !x.checkVisibility()).map(name),
    outside: all("table, pre, img, svg[role=img], mjx-math").filter(seen).filter(outside).map(name),
  };
}"""


class IncompleteError(Exception):
    """Something of a page is not on its sheets."""


def tags(node: object) -> Iterator[tuple[str, str]]:
    """(kind, text in words) of each tag of a PDF, from its root on."""
    node = node.get_object()
    if isinstance(node, ArrayObject):
        for part in node:
            yield from tags(part)
    elif isinstance(node, DictionaryObject):
        if "/S" in node:
            yield str(node["/S"]), str(node.get("/Alt", ""))
        if "/K" in node:
            yield from tags(node["/K"])


def spaced(text: str) -> str:
    """The words of a text: a PDF may break its lines elsewhere."""
    return " ".join(text.split())


def lost(shown: dict, sheets: PdfReader) -> list[str]:
    """What a page shows and its sheets do not, one line each; what stands folded or outside."""
    found = list(tags(sheets.trailer["/Root"]["/StructTreeRoot"]))
    tables = sum(kind == "/Table" for kind, _ in found)
    words = Counter(spaced(text) for kind, text in found if kind == "/Figure")
    wrong = [f"folded: {name}" for name in shown["folded"]]
    wrong += [f"beyond the margin: {name}" for name in shown["outside"]]
    wrong += [
        f"not on a sheet: {name}"
        for name in (Counter(map(spaced, shown["words"])) - words).elements()
    ]
    if tables != shown["tables"]:
        wrong.append(f"{shown['tables']} tables on the page, {tables} on its sheets")
    return wrong


def printed(page: Page, html: Path, target: Path) -> int:
    """Print one page of the book; return how many sheets it takes."""
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    page.emulate_media(media="print")  # formulas are fitted to what will be printed
    page.goto(html.as_uri())
    page.evaluate(OPEN)
    if page.evaluate("() => 'MathJax' in window"):
        page.evaluate("() => MathJax.startup.promise")
        page.wait_for_function(IS_SET, timeout=300_000)
        page.evaluate(TAG)
    page.add_style_tag(content=LOOK)
    for _ in range(3):  # a table cannot shrink as much as its letters do
        page.evaluate(FIT)
    shown = page.evaluate(SHOWN)
    page.pdf(path=target, format="A4", margin=MARGIN, scale=SCALE, tagged=True)
    sheets = PdfReader(target)
    if wrong := lost(shown, sheets):
        raise IncompleteError(f"{html.name}: " + "; ".join(wrong))
    return len(sheets.pages)
