"""Only the icons that the book shows: the theme's script has two thousand, in half a megabyte."""

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SCRIPT = Path("_static", "scripts", "fontawesome.js")
MENTION = re.compile(r"\bfa-([a-z0-9-]+)")
# name:[width,height,[other names],"code point","path" or ["path","path"]]
ICON = re.compile(
    r'(?:"([\w-]+)"|([\w$]+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",'
    r'(?:"[^"]*"|\["[^"]*"(?:,"[^"]*")*\])\],?'
)


def names_of(icon: re.Match) -> set[str]:
    """The name of an icon in the script, and its other names."""
    return {icon[1] or icon[2], *re.findall(r'"([\w-]+)"', icon[3])}


def with_icons(script: str, wanted: set[str]) -> str:
    """The script without the icons that nobody wants."""
    return ICON.sub(lambda icon: icon[0] if names_of(icon) & wanted else "", script)


def mentioned(folder: Path) -> set[str]:
    """Every fa-NAME in the pages and in the other scripts of a built book."""
    files = [
        *folder.rglob("*.html"),
        *folder.glob("_static/*.js"),
        *folder.glob("_static/scripts/*.js"),
    ]
    texts = (path.read_text(encoding="utf-8") for path in files if path.name != SCRIPT.name)
    return {name for text in texts for name in MENTION.findall(text)}


def restore_script(app: Sphinx) -> None:
    """Put the theme's script in place of the small one of the last build.

    Sphinx warns before it writes over another file, and writes none where no page has changed.
    """
    small = Path(app.outdir) / SCRIPT
    if app.builder.format == "html" and small.exists():
        folders = (Path(folder) / "static" for folder in app.builder.theme.get_theme_dirs())
        inside = Path(*SCRIPT.parts[1:])
        shutil.copyfile(next(f / inside for f in folders if (f / inside).exists()), small)


def shorten_script(app: Sphinx, exception: Exception | None) -> None:
    """Write the small script in place of the theme's."""
    path = Path(app.outdir) / SCRIPT
    if exception is not None or app.builder.format != "html" or not path.exists():
        return
    script = path.read_text(encoding="utf-8")
    if len(ICON.findall(script)) < 1000:
        raise ExtensionError(f"{path} is written in another way than _ext/rlhf_book/icons.py reads")
    path.write_text(with_icons(script, mentioned(Path(app.outdir))), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", restore_script)
    app.connect("build-finished", shorten_script)
