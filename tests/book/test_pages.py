"""The built book as a reader meets it: from a file, without a network, in a real browser."""

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from page_tags import places_of, tags_of
from rlhf_book.weights import weight

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}
MOST_BYTES = 300_000  # compressed, as a server sends it; without MathJax
OUTSIDE = re.compile(r"^(https?:)?//")


@pytest.fixture(scope="module")
def visit(page_name, open_page, book):
    """The page, opened once for all tests of it."""
    path = book / f"{page_name}.html"
    assert path.is_file(), f"{path} was not built"
    visit = open_page(path, has_touch=True)
    visit.wait_for_formulas()
    yield visit
    visit.page.context.close()


def test_nothing_is_asked_of_a_network_and_nothing_goes_wrong(visit):
    assert visit.requests == []
    assert visit.complaints == []


def test_the_button_for_colab_stands_where_there_is_a_notebook(visit, page_name):
    name = page_name.rpartition("/")[2]
    links = visit.page.evaluate(
        "() => [...document.querySelectorAll('a.btn-colab-button')].map(a => a.href)"
    )
    notebook = ROOT / "notebooks" / f"{name}.ipynb"
    assert [link.endswith(f"/notebooks/{name}.ipynb") for link in links] == [
        True
    ] * notebook.exists()


def test_every_formula_is_rendered(visit):
    count = "s => document.querySelectorAll(s).length"
    assert visit.page.evaluate(count, "mjx-container") == visit.page.evaluate(count, ".math")
    assert visit.page.evaluate(count, "mjx-merror, [data-mjx-error]") == 0
    words = visit.page.inner_text("article")
    for code in visit.page.locator("article pre").all_inner_texts():
        words = words.replace(code, "")  # LaTeX that a cell prints is meant to be read
    assert not re.search(r"\\\(|\\\[|\\begin\{", words)


STOPS = 'document.querySelectorAll(\'.math[tabindex="0"], .math [tabindex="0"]\')'


def test_the_tab_key_stops_at_no_formula_that_cannot_be_scrolled(visit):
    visit.page.evaluate("() => document.fonts.ready")
    still = visit.page.evaluate(
        f"""[...{STOPS}].filter(x => {{
              x.scrollLeft = 2;
              const stands = x.scrollLeft === 0;
              x.scrollLeft = 0;
              return stands;
            }}).length"""
    )
    assert still == 0


def test_the_tab_key_stops_at_formulas_wider_than_a_phone(open_page, book):
    visit = open_page(book / "chapters" / "dpo.html")
    visit.wait_for_formulas()
    wide = visit.page.evaluate(f"{STOPS}.length")
    visit.use_screen("light", 390)
    visit.page.wait_for_function(f"n => {STOPS}.length > n", arg=wide)


def test_no_id_stands_twice(visit):
    ids = visit.page.evaluate(
        """[...document.querySelectorAll("[id]")]
             .filter(x => !x.closest("svg, mjx-container")).map(x => x.id)"""
    )
    assert sorted(ids) == sorted(set(ids))


def test_every_picture_says_what_it_shows(visit):
    silent = visit.page.evaluate(
        """ornament => [...document.querySelectorAll("img, article svg")]
             .filter(x => !(x.alt || x.ariaLabel || x.querySelector(":scope > title")
                            || x.closest("[aria-hidden=true]") || x.closest(ornament)))
             .map(x => x.outerHTML.slice(0, 200))""",
        ".toggle-button .tb-icon",  # the arrow beside the words "Click to show"
    )
    assert silent == []


@pytest.mark.parametrize(("theme", "rules"), [("light", []), ("dark", ["color-contrast"])])
def test_no_barrier_for_readers(visit, theme, rules):
    """All rules once; what another theme can break are its contrasts."""
    visit.use_theme(theme)
    assert visit.accessibility_faults(*rules) == []


def test_a_pale_word_of_code_is_found_among_others(open_page, tmp_path):
    path, colours = tmp_path / "code.html", ("#000", "#eee", "#000", "#ddd", "#eee")
    words = "".join(f"<span style='color: {colour}'>{colour} </span>" for colour in colours)
    path.write_text(f"<div class='highlight'><pre>{words}</pre></div>")
    visit = open_page(path)
    first, second = visit.accessibility_faults("color-contrast")
    assert "#eee" in first
    assert "#ddd" in second
    assert visit.page.locator("span:visible").count() == 5


FORMULA = """<mjx-container id="{}" {}><mjx-math aria-hidden="true"><mjx-c></mjx-c></mjx-math>
<mjx-assistive-mml><math><mi>{}</mi></math></mjx-assistive-mml></mjx-container>"""
BARRIERS = {
    "image-alt": "<img id='image-alt' src='data:,'>",
    "link-name": f"<a id='link-name' href='#page'>{FORMULA.format('unread', '', '')}</a>",
    "role-img-alt": f"<p>{FORMULA.format('role-img-alt', 'role=img', 'loss')}</p>",
    "color-contrast": f"<p>{FORMULA.format('color-contrast', 'style=color:#ddd', 'loss')}</p>",
}


def test_what_keeps_readers_out_beside_and_around_formulas_is_found(open_page, tmp_path):
    path = tmp_path / "formulas.html"
    content = FORMULA.format("good", "tabindex=0", "loss") + "".join(BARRIERS.values())
    head = "<!doctype html><html lang='en'><title>Page</title><style>"
    style = "mjx-container { line-height: 0 } mjx-math { display: none }</style>"
    path.write_text(f"{head}{style}<main>{content}</main></html>", encoding="utf-8")
    visit = open_page(path)
    before = visit.page.content()
    faults = visit.accessibility_faults()
    assert sorted(fault.partition(":")[0] for fault in faults) == sorted(BARRIERS)
    assert visit.page.content() == before


def test_a_change_of_colours_is_not_waited_for(open_page, tmp_path):
    path = tmp_path / "colours.html"
    path.write_text("""<!doctype html><html data-theme='dark'><style>
      * { transition: color 1000s } p { color: #000 }
      @keyframes turn { to { rotate: 1turn } } i { animation: turn 1s infinite }
      @media (prefers-color-scheme: dark) { p { color: #fff } }
      </style><p>Words <b>inside</b> and <i>an ornament that turns</i></p></html>""")
    visit = open_page(path)
    assert visit.page.locator("b").evaluate("b => getComputedStyle(b).color") == "rgb(0, 0, 0)"
    visit.use_theme("dark")
    colour = visit.page.locator("b").evaluate("b => getComputedStyle(b).color")
    assert colour == "rgb(255, 255, 255)"


@pytest.mark.parametrize("theme", ["dark", "light"])  # the page is dark already
def test_figures_have_the_colours_of_the_page(visit, theme):
    visit.use_theme(theme)
    for figure in visit.page.locator(".rlhf-figure").all():
        ink, text, grounds = figure.evaluate(
            """figure => [
                 getComputedStyle(figure.querySelector("svg")).fill,
                 getComputedStyle(document.querySelector("article p")).color,
                 [figure, figure.parentElement].map(x => getComputedStyle(x).backgroundColor)]"""
        )
        assert ink == text
        assert set(grounds) == {"rgba(0, 0, 0, 0)"}


def test_the_page_fits_a_phone(visit):
    before = visit.page.viewport_size
    visit.page.set_viewport_size(PHONE)
    overflow = visit.overflow()
    visit.page.set_viewport_size(before)
    assert overflow == 0


def test_sliders_move_their_figures_by_keyboard_mouse_and_touch(visit):
    for figure in visit.page.locator(".rlhf-figure:has(input)").all():
        slider = figure.locator("input")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        middle = box["y"] + box["height"] / 2

        def look(figure=figure, slider=slider):
            return slider.input_value(), figure.locator("svg").inner_html()

        seen = [look()]

        slider.focus()
        key = "ArrowLeft" if slider.input_value() == slider.get_attribute("max") else "ArrowRight"
        visit.page.keyboard.press(key)
        seen.append(look())

        visit.page.mouse.move(box["x"] + box["width"] / 2, middle)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + box["width"] - 1, middle, steps=3)
        visit.page.mouse.up()
        assert slider.input_value() == slider.get_attribute("max")
        seen.append(look())

        visit.page.touchscreen.tap(box["x"] + 1, middle)
        assert slider.input_value() == "0"
        seen.append(look())
        assert all(one[1] != other[1] for one, other in pairwise(seen) if one[0] != other[0])
        assert len({value for value, _ in seen}) > 1
        assert figure.locator("output").inner_text() == slider.get_attribute("aria-valuetext")


def test_the_chapter_on_dpo_has_figures_and_a_slider(open_page, book):
    page = open_page(book / "chapters" / "dpo.html").page
    assert page.locator(".rlhf-figure:has(input)").count() == 1
    assert page.locator(".rlhf-figure").count() >= 8


def test_the_front_door_leads_to_a_page(open_page, book):
    visit = open_page(book / "index.html")
    visit.page.wait_for_selector("article h1")
    assert visit.requests == []


def test_search_finds_pages_without_a_network(open_page, book):
    visit = open_page(book / "index.html")
    visit.page.wait_for_selector("article h1")
    visit.page.goto((book / "search.html").as_uri() + "?q=preference")
    results = visit.page.locator("#search-results li a")
    results.first.wait_for()
    assert visit.requests == []
    # Opened from a file, a browser lets no page read another one: the summaries below the titles
    # are missing there, and Chromium says so. Nothing else may go wrong.
    expected = re.compile(r"fetch at 'file:.*CORS|ERR_FAILED|Failed to fetch")
    assert [text for text in visit.complaints if not expected.search(text)] == []
    results.first.click()
    visit.page.wait_for_selector("article h1")


def broken(path: Path, link: str) -> str | None:
    """Why a link on a page leads nowhere; None for a good one and for one out of the book."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return f"{link}: no such file"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in places_of(target):
        return f"{link}: no such anchor"
    return None


def test_links_inside_the_book_lead_somewhere(book, page_name):
    path = book / f"{page_name}.html"
    tags = tags_of(path)
    links = {tag.attributes["href"] for tag in tags if tag.name == "a" and "href" in tag.attributes}
    assert [fault for link in sorted(links) if (fault := broken(path, link))] == []


def test_every_asset_is_in_the_book(book, page_name):
    path = book / f"{page_name}.html"
    sources = [tag.attributes["src"] for tag in tags_of(path) if "src" in tag.attributes]
    links = [tag.attributes for tag in tags_of(path) if tag.name == "link"]
    sources += [link["href"] for link in links if link["rel"] != "canonical"]  # loads nothing
    wanted = [source for source in sources if not source.startswith("data:")]
    assert [source for source in wanted if OUTSIDE.match(source)] == []
    assert [fault for source in wanted if (fault := broken(path, source))] == []


def test_the_page_is_light_enough(book, page_name):
    own, scripts_and_styles, _ = weight(book / f"{page_name}.html")
    assert own + scripts_and_styles < MOST_BYTES
