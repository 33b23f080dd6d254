"""The mark below a displayed formula, in a browser: it opens, leads somewhere, and prints."""

import pytest

NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def narrow(open_page, book):
    """A page with many marks, opened once."""
    visit = open_page(book / "chapters" / "dpo.html", viewport=NARROW)
    visit.wait_for_formulas()
    return visit


@pytest.fixture
def visit(narrow):
    """The page; after each test its marks are closed, on a light screen."""
    yield narrow
    narrow.page.emulate_media(media="screen", color_scheme="light")
    narrow.page.evaluate(
        "document.querySelectorAll('.formula-check').forEach(m => { m.open = false })"
    )


def test_a_mark_says_how_in_words_and_opens_by_keyboard(visit):
    mark = visit.page.locator(".formula-check").first
    assert "derived" in mark.locator("summary").inner_text()
    assert not mark.locator("p").first.is_visible()
    mark.locator("summary").press("Enter")
    assert mark.locator("p").first.is_visible()
    assert (
        mark.get_by_role("link").first.get_attribute("href").startswith("derivations.html#result-")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_open_marks_are_no_barrier_and_no_wider_than_a_phone(visit, theme):
    visit.page.evaluate(
        "document.querySelectorAll('.formula-check').forEach(m => { m.open = true })"
    )
    visit.use_theme(theme)
    assert visit.accessibility_faults() == []
    assert visit.overflow() == 0
    assert visit.page.locator(".formula-check p").evaluate_all(
        "all => all.every(p => p.scrollWidth <= p.clientWidth)"
    )


def test_on_paper_every_mark_stands_open(visit):
    visit.page.emulate_media(media="print")
    lines = visit.page.locator(".formula-check p")
    assert lines.count() > 3
    assert all(line.is_visible() for line in lines.all())


def test_a_link_to_a_result_unfolds_it(open_page, book):
    visit = open_page(book / "chapters" / "derivations.html")
    visit.wait_for_formulas()
    result = visit.page.locator("#result-dpo-loss")
    assert not result.locator("li").first.is_visible()
    visit.page.evaluate("location.hash = 'result-dpo-loss'")
    result.locator("mjx-container:visible").first.wait_for()
    assert result.locator(".waiting, mjx-merror").count() == 0
