"""Every picture says in words what it shows; one that does not stops the build."""

from html.parser import HTMLParser
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

ADVICE = (
    "write what it shows: `:alt:` on a figure, `![text](file)` on an image, "
    "`mystnb: {image: {alt: text}}` on a code cell"
)
NAMES = ("aria-label", "aria-labelledby")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


def says_nothing(alt: str | None, uri: str) -> bool:
    """True for a missing or empty alt text, and for one that is the file's name or path."""
    text = (alt or "").strip()
    path = PurePosixPath(uri)
    return text in {"", uri, path.name, path.stem}


class PictureFinder(HTMLParser):
    """Collects the lines of `img` without alt text and of `svg` without a name in some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.unnamed: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        hidden = values.get("aria-hidden") == "true"
        named = hidden or any(values.get(name) for name in NAMES)
        inside_named = any(is_named for _, is_named in self.open)
        alt, uri = values.get("alt"), values.get("src") or ""
        if tag == "img" and not (named or inside_named) and says_nothing(alt, uri):
            self.unnamed.append((tag, self.getpos()[0]))
        if tag == "svg" and not (named or inside_named):
            self.unnamed.append((tag, self.getpos()[0]))
        if tag not in VOID:
            self.open.append((tag, named))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while any(name == tag for name, _ in self.open) and self.open.pop()[0] != tag:
            pass


def unnamed_pictures(html: str) -> list[tuple[str, int]]:
    """(tag, line) of each picture in some HTML that no text describes."""
    finder = PictureFinder()
    finder.feed(html)
    return finder.unnamed


def line_of(node: nodes.Node | None) -> int | None:
    """The line of a node, or of the nearest node around it that knows its own.

    On a page with code, myst-nb's count may be a line or two off.
    """
    while node is not None and not getattr(node, "line", None):
        node = node.parent
    return None if node is None else node.line


class RequireAltText(SphinxPostTransform):
    """Warns about each picture that will be shown; runs after myst-nb has chosen the outputs."""

    default_priority = 6

    def run(self, **_: object) -> None:
        for image in self.document.findall(nodes.image):
            if says_nothing(image.get("alt"), image["uri"]):
                self.warn(f"image {image['uri']!r}", image)
        for raw in self.document.findall(nodes.raw):
            if "html" in raw.get("format", ""):
                for tag, _ in unnamed_pictures(raw.astext()):
                    self.warn(f"<{tag}> in HTML", raw)

    def warn(self, what: str, node: nodes.Node) -> None:
        """One warning that names page and line."""
        location = (self.env.docname, line_of(node))
        logger.warning("%s has no alt text; %s", what, ADVICE, location=location)


def setup(app: Sphinx) -> None:
    app.add_post_transform(RequireAltText)
