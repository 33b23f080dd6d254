"""The built folder as any static server serves it, under a path of several folders, and offline."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from page_tags import tags_of
from playwright.sync_api import Browser, Page, Request
from rlhf_book.address import branch_of, release_of, repository_of, site_of
from rlhf_book.moved import moved_page

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/x/y/"


class Server(SimpleHTTPRequestHandler):
    """Serves a folder under a prefix; what is not there is answered with 404.html."""

    def translate_path(self, path: str) -> str:
        inside = urlsplit(path).path.removeprefix(PREFIX)
        return super().translate_path(inside) if path.startswith(PREFIX) else "/nowhere"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        body = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def served(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a copy of the book, with one page that has moved."""
    folder = tmp_path_factory.mktemp("site") / "book"
    shutil.copytree(book, folder)
    (folder / "chapters" / "old").mkdir()
    moved = moved_page("chapters/old/name", "chapters/claims#row-dpo-4")
    (folder / "chapters" / "old" / "name.html").write_text(moved)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    thread.join()
    server.server_close()


def lost(request: Request) -> bool:
    """Whether a request failed, and not because its page was left before the answer came."""
    return request.failure != "net::ERR_ABORTED"


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Page]:
    """A page that may ask this server, and nobody else; what went wrong fails the test."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    context.route(lambda url: not url.startswith(served), lambda route: route.abort())
    page.on("requestfailed", lambda request: wrong.append(request.url) if lost(request) else None)
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.wrong = wrong
    yield page
    context.close()


def test_a_page_shows_its_figures_and_formulas(page, served):
    page.goto(f"{served}chapters/rl.html")
    page.evaluate("() => MathJax.startup.promise")
    count = "s => document.querySelectorAll(s).length"
    assert page.evaluate(count, "mjx-container") == page.evaluate(count, ".math") > 0
    assert page.locator(".rlhf-figure svg").count() > 0
    icons = page.locator("svg.svg-inline--fa")
    assert icons.count() > 5
    assert [icon for icon in icons.all() if icon.locator("path[d]").count() != 1] == []
    assert page.wrong == []


def test_search_finds_a_page_and_quotes_it(page, served):
    page.goto(f"{served}search.html?q=preference")
    page.locator("#search-results li a").first.wait_for()
    page.locator("#search-results li p.context").first.wait_for()
    page.wait_for_load_state("networkidle")  # a summary that is still on its way would be cut off
    page.locator("#search-results li a").first.click()
    page.wait_for_selector("article h1")
    assert page.url.startswith(f"{served}chapters/")
    assert page.wrong == []


def test_previous_and_next_lead_through_the_book(page, served):
    page.goto(f"{served}index.html")
    page.wait_for_url(f"{served}chapters/intro.html")
    page.locator(".prev-next-area a.right-next").click()
    page.wait_for_url(lambda url: url != f"{served}chapters/intro.html")
    assert page.url.startswith(f"{served}chapters/")
    page.locator(".prev-next-area a.left-prev").click()
    page.wait_for_url(f"{served}chapters/intro.html*")
    assert page.wrong == []


@pytest.mark.parametrize("missing", ["nothing.html", "chapters/no/such/page"])
def test_what_is_missing_leads_back_to_the_book(page, served, missing):
    page.goto(served + missing)
    page.wait_for_selector("html[data-book]", state="attached")
    assert page.locator("main a").get_attribute("href") == PREFIX
    page.locator("input[name=q]").fill("preference")
    page.locator("button").click()
    page.locator("#search-results li a").first.wait_for()
    assert page.url.startswith(f"{served}search.html")
    assert [url for url in page.wrong if served + missing != url and "searchindex" not in url] == []


@pytest.mark.parametrize(("asked", "place"), [("", "#row-dpo-4"), ("#row-ppo-1", "#row-ppo-1")])
def test_an_old_address_leads_on_and_keeps_its_place(page, served, asked, place):
    left = f"{served}chapters/old/name.html"
    page.goto(left + asked)
    page.wait_for_url(f"{served}chapters/claims.html{place}")
    assert page.locator(place).count() == 1
    assert [url for url in page.wrong if url != left] == []  # the page may be left while it arrives


@cache
def links_of(path: Path) -> list[tuple[str, str]]:
    """(tag, address) of all that a page links to, loads or names as its own."""
    return [
        (tag.attributes.get("rel") or tag.name, tag.attributes[key])
        for key in ("href", "src", "action", "poster")
        for tag in tags_of(path)
        if key in tag.attributes
    ]


def test_nothing_in_the_folder_depends_on_where_it_is_served(book):
    """Each address inside the book, seen from below a prefix, is a file below that prefix."""
    outside, unfound = [], []
    for path in sorted(book.rglob("*.html")):
        if path.name in {"404.html"} or "macros" in path.name:
            continue
        here = urljoin("http://host" + PREFIX, path.relative_to(book).as_posix())
        for _, link in links_of(path):
            parts = urlsplit(urljoin(here, link))
            if parts.scheme not in {"http", "https"} or parts.netloc != "host":
                continue
            if not parts.path.startswith(PREFIX):
                outside.append((path.name, link))
            elif not (book / parts.path.removeprefix(PREFIX)).exists():
                unfound.append((path.name, link))
    assert outside == []
    assert unfound == []


def test_every_link_to_colab_is_a_file_of_the_repository(book):
    tracked = subprocess.run(
        ["git", "ls-files", "notebooks/*.ipynb"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    start = repository_of(ROOT).replace("github.com", "colab.research.google.com/github")
    start = f"{start}/blob/{release_of(ROOT)}/"
    linked = {
        link
        for path in (book / "chapters").glob("*.html")
        for _, link in links_of(path)
        if "colab.research.google.com" in link
    }
    assert {link for link in linked if not link.startswith(start)} == set()
    assert {link.removeprefix(start) for link in linked} == set(tracked)


def test_every_page_can_be_edited_and_discussed_and_says_who_and_where_it_is(book, page_name):
    text = (book / f"{page_name}.html").read_text(encoding="utf-8")
    links = [link for _, link in links_of(book / f"{page_name}.html")]
    repository = repository_of(ROOT)
    assert f"{repository}/edit/{branch_of(ROOT)}/{page_name}.md" in links
    assert any(link.startswith(f"{repository}/issues/new?") for link in links)
    named = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)"', text))
    address = f"{site_of(ROOT)}{page_name}.html"
    assert named["og:url"] == named["citation_public_url"] == address
    assert ("canonical", address) in links_of(book / f"{page_name}.html")
    assert named["og:title"] == named["citation_title"] != ""
    assert 20 <= len(named["description"]) <= 260
    assert "\\" not in named["description"]
    assert 'class="last-verified"' in text
    assert ("icon", "../_static/favicon.svg") in links_of(book / f"{page_name}.html")
