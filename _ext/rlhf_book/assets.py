"""MathJax and the book's style sheet, copied at build time: no page needs a network."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

SOURCE_PACKAGE = "sphinx-mathjax-offline"
# One bundle, its fonts, hidden MathML for screen readers, and the TeX extensions it may ask for.
MATHJAX_FILES = (
    "tex-mml-chtml.js",
    "a11y/assistive-mml.js",
    "output/chtml/fonts/woff-v2",
    "input/tex/extensions",
)


def mathjax_folder() -> Path:
    """The folder with MathJax 3 inside the pinned package; ExtensionError when it is not there."""
    try:
        package = distribution(SOURCE_PACKAGE)
    except PackageNotFoundError as error:
        raise ExtensionError(
            f"the book's formulas need the package {SOURCE_PACKAGE}, which is not installed; "
            "run `make book`, or install requirements.txt"
        ) from error
    folder = Path(str(package.locate_file(f"{SOURCE_PACKAGE}/static/mathjax")))
    missing = [name for name in MATHJAX_FILES if not (folder / name).exists()]
    if missing:
        raise ExtensionError(f"{folder} should hold {', '.join(missing)}; reinstall the package")
    return folder


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax into _static/vendor of a book that was built."""
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "vendor" / "mathjax"
    for name in MATHJAX_FILES:
        source = mathjax_folder() / name
        destination = target / name if source.is_dir() else (target / name).parent
        destination.mkdir(parents=True, exist_ok=True)
        copy_asset(str(source), str(destination))


def add_static_folder(app: Sphinx) -> None:
    """Let Sphinx copy the style sheet and the script."""
    app.config.html_static_path.append(str(Path(__file__).parent / "static"))


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", add_static_folder)
    app.add_css_file("book.css")
    app.add_js_file("formulas.js", defer="defer")
    app.connect("build-finished", copy_mathjax)
