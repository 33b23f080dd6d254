"""The built book and a Chromium to read it with, cut off from any network.

Where one of the two is missing the tests are skipped, with RLHF_LAB_REQUIRE_BROWSER=1 they fail.
RLHF_LAB_BOOK names another folder of built pages, CHROMIUM another browser.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    sync_playwright,
)
from rlhf_book.browser import NoBrowserError, chromium

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BOOK = Path(os.environ.get("RLHF_LAB_BOOK", ROOT / "_build" / "html")).resolve()
PATIENCE = 120_000  # milliseconds: pages with many formulas, on a machine that does other work
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

# What axe says of HTML that docutils writes and this project cannot: (rule, part of the element).
NOT_OURS = (
    # DPUB-ARIA 1.1 deprecated the role of a bibliography's entry; docutils still writes it,
    ("aria-deprecated-role", 'role="doc-biblioentry"'),
    # in a list whose children are, to axe, not list items then.
    ("aria-required-children", 'class="citation-list"'),
)


# Axe measures the contrast of each word of code, which takes most of the time of all tests. So of
# those that look alike on a page it is shown the first.
ONE_WORD_OF_EACH_COLOUR = """() => {
  const seen = new Set()
  for (const word of document.querySelectorAll(".highlight pre span:not(:has(*))")) {
    if (!word.checkVisibility()) continue
    const [own, ground] = [word, word.closest("pre")].map(x => getComputedStyle(x))
    const look = [own.color, own.backgroundColor, own.fontWeight, ground.backgroundColor].join()
    if (seen.has(look)) word.dataset.alike = ""
    seen.add(look)
  }
  for (const word of document.querySelectorAll("[data-alike]")) word.style.visibility = "hidden"
}"""
ALL_WORDS = """() => {
  for (const word of document.querySelectorAll("[data-alike]")) {
    word.style.visibility = ""
    delete word.dataset.alike
  }
}"""

# Two thirds of a page's elements are parts of formulas: glyphs that are hidden from screen readers,
# and MathML to be read out. Axe is shown each formula with what is read out as its text.
FORMULAS_AS_TEXT = """() => {
  for (const formula of document.querySelectorAll("mjx-container")) {
    const text = document.createElement("span")
    text.textContent = formula.textContent
    text.style.lineHeight = 1  // a formula's is 0, and what has no height has no contrast
    formula.parts = [...formula.childNodes]
    formula.replaceChildren(text)
  }
}"""
FORMULAS = """() => {
  for (const formula of document.querySelectorAll("mjx-container")) {
    formula.replaceChildren(...formula.parts)
    delete formula.parts
  }
}"""

# One change of colours can start another, in the elements inside. What has no end goes on.
END_OF_CHANGES = """() => {
  const unfinished = () => document.getAnimations().filter(
    a => a.playState !== "finished" && a.effect?.getComputedTiming().endTime < Infinity)
  for (let round = 0; round < 20; round++) {
    const changes = unfinished()
    if (changes.length === 0) return
    for (const change of changes) change.finish()
  }
  throw new Error("colours still change: " + unfinished().map(a => a.effect.target?.outerHTML))
}"""


def pages_of_the_book() -> list[str]:
    """The pages that _toc.yml names, without suffix, the first one first."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            found.extend(node[key] for key in ("root", "file") if key in node)
            node = list(node.values())
        if isinstance(node, list):
            for part in node:
                walk(part)

    walk(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    return found


def missing(what: str) -> None:
    """Skips the test, or fails it where the browser tests must run."""
    if os.environ.get("RLHF_LAB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}, but RLHF_LAB_REQUIRE_BROWSER=1")
    pytest.skip(what)


def chromium_path() -> str:
    """The Chromium of the system."""
    try:
        return chromium()
    except NoBrowserError as error:
        missing(str(error))


class Visit:
    """One page opened from a file: what it asked for, what it complained about."""

    def __init__(self, context: BrowserContext, path: Path) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.set_offline(True)
        context.route(lambda url: not url.startswith(("file:", "data:", "blob:")), self._refuse)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("load")

    def _refuse(self, route: Route) -> None:
        self.requests.append(route.request.url)
        route.abort()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def wait_for_formulas(self) -> None:
        """Returns when MathJax has set the page, at once on a page that has no MathJax."""
        self.page.evaluate("() => window.MathJax?.startup?.promise")

    def use_theme(self, theme: str) -> None:
        """Asks for "light" or "dark" as the reader's system does; colours change at once."""
        self.page.emulate_media(color_scheme=theme)
        self.page.wait_for_function("t => document.documentElement.dataset.theme === t", arg=theme)
        self.page.evaluate(END_OF_CHANGES)

    def use_screen(self, theme: str, width: int) -> None:
        """A light or dark screen of so many pixels, for a page that has no switch of its own."""
        self.page.emulate_media(color_scheme=theme)
        self.page.set_viewport_size({"width": width, "height": 800})

    def accessibility_faults(self, *rules: str, inside: str = "html") -> list[str]:
        """What axe-core finds against WCAG 2.1 A and AA, or these of its rules; one line each."""
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": tags}
        options = {"preload": False, "runOnly": only, "resultTypes": ["violations"]}
        self.page.evaluate(ONE_WORD_OF_EACH_COLOUR)
        self.page.evaluate(FORMULAS_AS_TEXT)
        found = Axe().run(self.page, context=inside, options=options).response["violations"]
        self.page.evaluate(FORMULAS)
        self.page.evaluate(ALL_WORDS)
        return [
            f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
            for fault in found
            for node in fault["nodes"]
            if not any(fault["id"] == rule and part in node["html"] for rule, part in NOT_OURS)
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a file of tests: it is stopped before other files start event loops."""
    path = chromium_path()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def open_page(browser: Browser) -> Callable[..., Visit]:
    """Opens a file in a context of its own: `open_page(path, java_script_enabled=False)`."""
    return lambda path, **options: Visit(browser.new_context(**options), path)


@pytest.fixture(scope="module")
def book() -> Path:
    """The folder of the built book."""
    if not (BOOK / "index.html").is_file():
        missing(f"no built book at {BOOK}: run `make book`")
    return BOOK


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the built book or for a browser is marked: `make test` has neither."""
    for item in items:
        if item.path.parent == HERE and {"book", "browser"} & set(item.fixturenames):
            item.add_marker("browser")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `page_name` runs for every page that _toc.yml names."""
    if "page_name" in metafunc.fixturenames:
        metafunc.parametrize("page_name", pages_of_the_book(), scope="module")
