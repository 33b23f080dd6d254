"""Recorded figures in a small page of their own: what the browser shows is what was drawn."""

import re

import numpy as np
import pytest
from matplotlib.axes import Axes

from rlhf_lab import plots
from rlhf_lab.explore import Picture, explore

BETAS = [0.1, 0.5, 1.0, 2.0]
REWARD = np.array([-1.0, 0.5, 1.0])
ALT = "Three bars: the smaller beta, the more the best response gets."
HTML = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Figures</title><style>
:root {{ color-scheme: light dark; color: #222; background: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ color: #ced6dd; background: #121212; }} }}
</style></head><body><main><h1>Figures</h1><p>Words.</p>{}</main></body></html>"""


def alike(beta: float) -> Axes:
    """Frames of the same elements: only numbers and words change."""
    policy = np.exp(REWARD / beta)
    labels, series = ["a", "b", "c"], {"π*": policy / policy.sum(), "π": np.full(3, 1 / 3)}
    axes = plots.bars(labels, series, x_label="response", y_label="probability", title=f"{beta}")
    axes.set_ylim(0, 1)
    return axes


def unlike(beta: float) -> Axes:
    """Frames of other elements: more points, other markers, a text that comes and goes."""
    x = np.arange(1 + 4 * beta)
    notes = {"DPO": [f"<{i}>" for i in range(len(x))]} if beta > 0.5 else None
    axes = plots.points({"DPO": (x, x / 10)}, x_label="KL", y_label="reward", notes=notes)
    axes.set(xlim=(-1, 10), ylim=(-0.1, 1))
    return axes


@pytest.fixture(scope="module")
def shown(open_page, tmp_path_factory):
    """Opens figures in a page: `shown(explorer, picture)`; options go to the browser's context."""

    def open_figures(*figures, **options):
        path = tmp_path_factory.mktemp("page") / "figures.html"
        path.write_text(HTML.format("".join(f.html() for f in figures)), encoding="utf-8")
        return open_page(path, **options)

    return open_figures


def anonymous(svg: str) -> str:
    return re.sub(r"figure-[0-9a-f]{10}", "", svg)


@pytest.mark.parametrize("plot", [alike, unlike])
def test_each_position_shows_what_was_drawn_for_it(shown, plot):
    order = [3, 0, 2, 1, 3, 2, 0, 1]
    pictures = [Picture(plot(beta), alt=ALT) for beta in BETAS]
    visit = shown(explore(plot, alt=ALT, beta=BETAS, start=0.5), *pictures)
    figures = visit.page.locator("svg").all()
    drawn = [anonymous(figure.inner_html()) for figure in figures[1:]]
    assert anonymous(figures[0].inner_html()) == drawn[1]
    for position in order:
        visit.page.locator("input").fill(str(position))
        assert anonymous(figures[0].inner_html()) == drawn[position]
        assert visit.page.locator("output").inner_text() == f"{BETAS[position]:g}"
    assert visit.complaints == []


def test_keys_reach_every_position(shown):
    visit = shown(explore(alike, alt=ALT, beta=BETAS))
    slider = visit.page.get_by_role("slider", name="β")
    visit.page.keyboard.press("Tab")
    assert slider.evaluate("node => node === document.activeElement")
    read = []
    for key in ["End", "ArrowLeft", "Home", "ArrowUp"]:
        visit.page.keyboard.press(key)
        read.append(slider.get_attribute("aria-valuetext"))
    assert read == ["2", "1", "0.1", "0.5"]


def test_each_slider_moves_its_own_figure(shown):
    visit = shown(*[explore(plot, alt=ALT, beta=BETAS) for plot in (alike, unlike, alike)])
    before = [svg.inner_html() for svg in visit.page.locator("svg").all()]
    visit.page.locator("input").nth(2).fill("3")
    after = [svg.inner_html() for svg in visit.page.locator("svg").all()]
    assert [one != other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_without_javascript_the_figure_stands_alone(shown):
    visit = shown(explore(alike, alt=ALT, beta=BETAS), java_script_enabled=False)
    assert visit.page.get_by_role("img", name=ALT).is_visible()
    assert not visit.page.locator("input").is_visible()
    assert visit.page.locator("svg >> text=0.1").is_visible()


@pytest.mark.parametrize(("theme", "ink"), [("light", (34, 34, 34)), ("dark", (206, 214, 221))])
def test_words_and_axes_have_the_colour_of_the_page(shown, theme, ink):
    visit = shown(Picture(alike(1.0), alt=ALT), color_scheme=theme)
    colours = visit.page.locator("svg text").evaluate_all(
        "nodes => nodes.map(node => getComputedStyle(node).fill)"
    )
    assert set(colours) == {"rgb({}, {}, {})".format(*ink)}
    strokes = visit.page.locator("svg path").evaluate_all(
        "nodes => nodes.map(node => getComputedStyle(node).stroke)"
    )
    assert "rgb({}, {}, {})".format(*ink) in strokes


@pytest.fixture(scope="module")
def two_figures(shown):
    """One with a slider and a wide one, opened once."""
    wide = plots.panels(3, width=9, height=3)[0]
    return shown(explore(alike, alt=ALT, beta=BETAS), Picture(wide, alt="Three empty panels."))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_barrier_and_no_overflow(two_figures, theme, width):
    visit = two_figures
    visit.use_screen(theme, width)
    assert visit.accessibility_faults() == []
    assert visit.overflow() == 0
    assert visit.requests == []
    sizes = (
        visit.page.locator("svg")
        .nth(0)
        .locator("text")
        .evaluate_all("nodes => nodes.map(node => node.getBoundingClientRect().height)")
    )
    assert min(sizes) > 9  # pixels: readable on a phone
