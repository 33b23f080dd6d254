"""Derivations line by line in a small page of their own, and in the built book."""

import pytest

from rlhf_lab.derivations.gibbs import gibbs
from rlhf_lab.derivations.optimal_policy import closed_form, sums_to_one
from rlhf_lab.stepper import stepper

HTML = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Lines</title><style>
:root {{ color-scheme: light dark; color: #222; background: #fff; }}
.math {{ white-space: nowrap }}
@media (prefers-color-scheme: dark) {{ :root {{ color: #ced6dd; background: #121212; }} }}
</style></head><body><main><h1>Lines</h1>{}</main></body></html>"""


@pytest.fixture(scope="module")
def shown(open_page, tmp_path_factory):
    """Opens steppers in a page, formulas as their LaTeX: `shown(gibbs(), other, **options)`."""

    def open_steppers(*derivations, **options):
        path = tmp_path_factory.mktemp("page") / "lines.html"
        content = "".join(stepper(derivation).html() for derivation in derivations)
        path.write_text(HTML.format(content), encoding="utf-8")
        return open_page(path, **options)

    return open_steppers


def lines(visit, number=0):
    """Reason and formula of each line of a stepper: what of them can be seen."""
    items = visit.page.locator(".rlhf-stepper").nth(number).locator("li:visible").all()
    return [(item.locator("p").is_visible(), item.locator(".math").is_visible()) for item in items]


ALL = (True, True)
REASON_ONLY = (True, False)


def test_untouched_all_lines_stand_there(shown):
    visit = shown(gibbs())
    assert lines(visit) == 5 * [ALL]
    assert visit.page.get_by_role("status").inner_text() == "line 5 of 5"
    assert (visit.complaints, visit.requests) == ([], [])


def test_next_and_back_by_mouse(shown):
    visit = shown(gibbs())
    seen = []
    for name in ["First line", "Next", "Next", "Back", "All lines", "Next", "Back", "First line"]:
        visit.page.get_by_role("button", name=name).click(force=True)
        seen.append(len(lines(visit)))
    assert seen == [1, 2, 3, 2, 5, 5, 4, 1]
    visit.page.get_by_role("button", name="Back").click(force=True)
    assert lines(visit) == [ALL]


def test_every_control_is_reached_and_used_by_keys(shown):
    visit = shown(gibbs())
    names, keys = [], visit.page.keyboard
    for _ in range(6):
        keys.press("Tab")
        names.append(visit.page.evaluate("document.activeElement.textContent.trim().slice(0, 10)"))
    assert names[:4] == ["First line", "Back", "Next", "All lines"]
    for _ in range(5):
        keys.press("Shift+Tab")
    keys.press("Enter")
    assert lines(visit) == [ALL]
    keys.press("Tab")
    keys.press("Tab")
    for count in (2, 3, 4, 5, 5):  # the button keeps the focus where it has nothing left to do
        keys.press("Space")
        assert len(lines(visit)) == count


def test_what_comes_next_shows_the_reason_and_hides_the_formula(shown):
    visit = shown(gibbs())
    ask = visit.page.get_by_label("What comes next?")
    ask.check()
    assert lines(visit) == [ALL, REASON_ONLY]
    said = visit.page.get_by_role("status").inner_text()
    assert said == (
        "line 1 of 5. Think, then press Next: "
        "the definition, with the fraction turned over (proved)"
    )
    visit.page.get_by_role("button", name="Next").click()
    assert lines(visit) == [ALL, ALL, REASON_ONLY]
    ask.uncheck()
    assert lines(visit) == [ALL, ALL]
    ask.check()
    for _ in range(3):
        visit.page.get_by_role("button", name="Next").click()
    assert lines(visit) == 5 * [ALL]
    assert visit.page.get_by_role("status").inner_text() == "line 5 of 5"


def test_each_stepper_moves_its_own_lines(shown):
    visit = shown(gibbs(), sums_to_one(), gibbs())
    visit.page.get_by_role("button", name="First line").nth(1).click()
    assert [len(lines(visit, number)) for number in range(3)] == [5, 1, 5]


def test_without_javascript_all_lines_stand_there_and_no_button(shown):
    visit = shown(gibbs(), java_script_enabled=False)
    assert lines(visit) == 5 * [ALL]
    assert visit.page.get_by_role("button").count() == 0


def test_on_paper_all_lines_stand_there_and_no_button(shown):
    visit = shown(gibbs())
    visit.page.get_by_label("What comes next?").check()
    visit.page.emulate_media(media="print")
    assert lines(visit) == 5 * [ALL]
    assert not visit.page.get_by_text("All lines").is_visible()


@pytest.fixture(scope="module")
def two_steppers(shown):
    """A page opened once; the second one asks what comes next."""
    visit = shown(closed_form(), gibbs())
    visit.page.get_by_label("What comes next?").nth(1).check()
    return visit


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_barrier_and_no_overflow(two_steppers, theme, width):
    visit = two_steppers
    visit.use_screen(theme, width)
    assert visit.accessibility_faults() == []
    assert visit.overflow() == 0
    box = visit.page.locator(".rlhf-stepper [tabindex]").first
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")  # it scrolls inside itself


def test_the_chapter_on_dpo_steps_through_set_formulas(open_page, book):
    visit = open_page(book / "chapters" / "dpo.html")
    visit.wait_for_formulas()
    first = visit.page.locator(".rlhf-stepper").first
    assert first.locator("li:visible mjx-container").count() == len(closed_form().lines)
    first.get_by_label("What comes next?").check()
    first.get_by_role("button", name="Next").press("Enter")
    shown = first.locator("li mjx-container").evaluate_all(
        "nodes => nodes.map(node => node.checkVisibility({visibilityProperty: true}))"
    )
    assert shown == [True, True] + (len(shown) - 2) * [False]
    assert first.locator("li:visible").count() == 3


def test_a_result_is_set_when_it_is_unfolded(open_page, book):
    visit = open_page(book / "chapters" / "derivations.html")
    visit.wait_for_formulas()
    folds = visit.page.locator("details:has(.rlhf-stepper)")
    assert folds.count() > 20
    fold = folds.nth(3)
    assert fold.locator("mjx-container").count() == 0
    fold.locator("summary").press("Enter")
    fold.locator("mjx-container").first.wait_for()
    assert fold.locator("li mjx-container:visible").count() == fold.locator("li").count()
    assert fold.locator(".waiting, mjx-merror").count() == 0
    assert visit.accessibility_faults(inside="details[open]:has(.rlhf-stepper)") == []
    assert visit.complaints == []
