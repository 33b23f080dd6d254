"""The table to filter and compare in a small page of its own."""

import pytest

from rlhf_lab.filter_table import filter_table

HTML = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Table</title><style>
:root {{ color-scheme: light dark; color: #222; background: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ color: #ced6dd; background: #121212; }}
a {{ color: #7ec8ff; }} }}
</style></head><body><main><h1>Table</h1>{}</main></body></html>"""
HEAD = ("group", "kind", "for", "against")
ROWS = [
    ("Label", "Rating", "says how much", "<a href='#there'>hard to collect</a>"),
    ("Label", "Thumb", "easy to collect", "says less"),
    ("Style", "Pairs", "easy to read", "slow"),
    ("Source", "Human", "people", "slow and costly"),
]


@pytest.fixture(scope="module")
def shown(open_page, tmp_path_factory):
    """Opens the table in a page; options go to the browser's context."""

    def open_table(**options):
        path = tmp_path_factory.mktemp("page") / "table.html"
        table = filter_table(HEAD, ROWS, label="kinds of feedback")
        path.write_text(HTML.format(2 * table.html()), encoding="utf-8")
        return open_page(path, **options)

    return open_table


def kinds(visit, number=0):
    """The names of the rows of one table that can be seen."""
    box = visit.page.locator(".rlhf-filter").nth(number)
    return [name.strip() for name in box.locator("tbody tr:visible th").all_inner_texts()]


ALL = [row[1] for row in ROWS]


def test_untouched_the_whole_table_stands_there(shown):
    visit = shown()
    assert kinds(visit) == ALL
    assert visit.page.get_by_role("status").first.inner_text() == "4 of 4"
    assert (visit.complaints, visit.requests) == ([], [])


def test_group_and_words_filter_this_table_only(shown):
    visit = shown()
    group, words = visit.page.get_by_label("group").first, visit.page.get_by_role("searchbox").first
    group.select_option("Label")
    assert kinds(visit) == ["Rating", "Thumb"]
    words.fill("COLLECT easy")
    assert kinds(visit) == ["Thumb"]
    assert visit.page.get_by_role("status").first.inner_text() == "1 of 4"
    group.select_option("all")
    words.fill("slow")
    assert kinds(visit) == ["Pairs", "Human"]
    words.fill("nothing like it")
    assert kinds(visit) == []
    assert kinds(visit, 1) == ALL


def test_ticked_kinds_stand_side_by_side(shown):
    visit = shown()
    beside = visit.page.get_by_label("side by side").first
    beside.check()
    assert visit.page.get_by_role("status").first.inner_text() == "tick two or more first"
    assert kinds(visit) == ALL
    for name in ("Human", "Rating"):
        visit.page.get_by_label(name).first.check()
    seen = visit.page.locator(".compared").first.locator("tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in seen]
    assert cells == [
        ["kind", "Rating", "Human"],
        ["group", "Label", "Source"],
        ["for", "says how much", "people"],
        ["against", "hard to collect", "slow and costly"],
    ]
    assert not visit.page.locator(".all").first.is_visible()
    beside.uncheck()
    assert kinds(visit) == ALL


def test_every_control_is_reached_and_used_by_keys(shown):
    visit = shown()
    keys = visit.page.keyboard
    keys.press("Tab")
    keys.press("S")  # a choice of the browser's own: the first that begins so
    assert kinds(visit) == ["Pairs"]
    keys.press("Tab")
    keys.type("zzz")
    assert kinds(visit) == []
    for _ in "zzz":
        keys.press("Backspace")
    keys.press("Tab")
    keys.press("Space")
    keys.press("Tab")  # what scrolls
    keys.press("Tab")
    keys.press("Space")
    assert visit.page.get_by_label("Pairs").first.is_checked()


@pytest.mark.parametrize("media", ["no script", "paper"])
def test_without_javascript_and_on_paper_there_is_the_table_alone(shown, media):
    visit = shown(java_script_enabled=media == "paper")
    visit.page.emulate_media(media="print" if media == "paper" else "screen")
    assert kinds(visit) == ALL
    assert visit.page.locator("select:visible, input:visible, output:visible").count() == 0


@pytest.fixture(scope="module", params=["the whole table", "kinds side by side"])
def table(shown, request):
    """A page opened once for each view of the table."""
    visit = shown()
    if request.param == "kinds side by side":
        for name in ("Rating", "Human", "ticked ones side by side"):
            visit.page.get_by_label(name).first.check()
    return visit


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_barrier_and_no_overflow(table, theme, width):
    table.use_screen(theme, width)
    assert table.accessibility_faults() == []
    assert table.overflow() == 0
