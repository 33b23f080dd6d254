"""The book's icon: PPO's clipped surrogate against the ratio, drawn at build time as SVG."""

from pathlib import Path

from sphinx.application import Sphinx

SIZE = 32
GROUND, LINE = "#0072B2", "#FFFFFF"  # of the palette that every figure uses


def clipped_surrogate(ratio: float, *, advantage: float, epsilon: float) -> float:
    """min(ρ A, clip(ρ, 1 - ε, 1 + ε) A) (Schulman et al. 2017, Eq. 7)."""
    return min(ratio * advantage, min(max(ratio, 1 - epsilon), 1 + epsilon) * advantage)


def drawing() -> str:
    """The icon: ρ from 0 to 2 from left to right, A = 1, ε = 0.3."""
    ratios = (0.0, 1.3, 2.0)  # the ends, and where the line bends
    values = [clipped_surrogate(ratio, advantage=1, epsilon=0.3) for ratio in ratios]
    points = " ".join(
        f"{5 + 11 * ratio:.4g},{27 - 15.5 * value:.4g}"
        for ratio, value in zip(ratios, values, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">'
        f'<rect width="{SIZE}" height="{SIZE}" rx="7" fill="{GROUND}"/>'
        f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="4" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>\n'
    )


def link_icon(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Name the icon in the head of a page, as Sphinx does for a file of its own."""
    context["favicon_url"] = context["pathto"]("_static/favicon.svg", 1)


def write_icon(app: Sphinx, exception: Exception | None) -> None:
    """Write the icon of a book that was built."""
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "favicon.svg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(drawing(), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", link_icon)
    app.connect("build-finished", write_icon)
