"""What each page weighs and how long its cells ran, printed at the end of a build.

Weight: kilobytes of gzip, as a server sends them. MathJax is counted apart: it is fetched once.
"""

import gzip
import re
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
FETCHED = re.compile(r'<(?:script|link)\b[^>]*?\b(?:src|href)="([^"#?]+\.(?:js|css))["?]')


@cache
def packed(path: Path) -> int:
    """The bytes of a file, compressed."""
    return len(gzip.compress(path.read_bytes(), mtime=0))


def fetched_by(page: Path) -> list[Path]:
    """The scripts and style sheets of this book that a page loads, each once."""
    html = page.read_text(encoding="utf-8")
    paths = {(page.parent / name).resolve() for name in FETCHED.findall(html) if "://" not in name}
    return sorted(path for path in paths if path.is_file())


def weight(page: Path) -> tuple[int, int, int]:
    """Compressed bytes of a page itself, of its scripts and style sheets, and of MathJax."""
    others = fetched_by(page)
    mathjax = [path for path in others if "mathjax" in path.parts]
    return (
        packed(page),
        sum(packed(path) for path in others if path not in mathjax),
        sum(packed(path) for path in mathjax),
    )


def seconds_of(results: dict[str, dict], page: str) -> float | None:
    """The seconds that the cells of a page took when they ran; None for a page without cells."""
    result = results.get(page, {}).get("exec_data")
    return None if result is None else result["runtime"]


def report(pages: dict[str, tuple[int, int, int]], seconds: dict[str, float | None]) -> str:
    """A table, the heaviest page first, and what all pages share."""
    lines = [f"{'page':28}{'HTML, KB':>9}{'cells, s':>10}"]
    for page, (own, _, _) in sorted(pages.items(), key=lambda item: -item[1][0]):
        took = "" if seconds.get(page) is None else f"{seconds[page]:.1f}"
        lines.append(f"{page:28}{own / 1000:9.0f}{took:>10}")
    shared = max(others for _, others, _ in pages.values())
    mathjax = max(bundle for _, _, bundle in pages.values())
    heaviest = max(own + others for own, others, _ in pages.values())
    ran = sum(took for took in seconds.values() if took is not None)
    lines.append(
        f"scripts and styles of a page {shared / 1000:.0f} KB, MathJax {mathjax / 1000:.0f} KB; "
        f"heaviest page with its scripts {heaviest / 1000:.0f} KB; all cells {ran:.0f} s"
    )
    return "\n".join(lines)


def print_report(app: Sphinx, exception: Exception | None) -> None:
    """Print the table of a book that was built."""
    if exception is not None or app.builder.format != "html":
        return
    packed.cache_clear()
    places = {page: Path(app.outdir) / f"{page}.html" for page in sorted(app.env.found_docs)}
    pages = {page: weight(path) for page, path in places.items() if path.exists()}
    results = getattr(app.env, "nb_metadata", {})
    if pages:
        logger.info("%s", report(pages, {page: seconds_of(results, page) for page in pages}))


def setup(app: Sphinx) -> None:
    app.connect("build-finished", print_report, priority=900)  # after the files are as they stay
