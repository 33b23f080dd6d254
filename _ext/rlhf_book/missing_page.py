"""404.html: what a server shows for an address that the book does not have.

It is shown at any depth and under any path, so it holds all that it needs. Its script asks the
server, folder by folder upwards, which one has the search index of a book; its links start there.
"""

from html import escape
from pathlib import Path

from sphinx.application import Sphinx

from rlhf_book.address import site_of

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>No such page: {title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{
  max-width: 38rem; margin: 15vh auto 0; padding: 0 1rem;
  font: 1.1rem/1.6 system-ui, sans-serif;
}}
</style>
</head>
<body>
<main>
<h1>No such page</h1>
<p>The book <a data-page="" href="{site}">{title}</a> has no page at this address.</p>
<form action="{site}search.html" data-page="search.html">
<label>Search this book: <input type="search" name="q"></label> <button>Search</button>
</form>
</main>
<script>
(async () => {{
  const parts = location.pathname.split("/").slice(0, -1);
  for (let depth = parts.length; depth > 0; depth -= 1) {{
    const folder = parts.slice(0, depth).join("/") + "/";
    const answer = await fetch(folder + "searchindex.js", {{ method: "HEAD" }}).catch(() => null);
    if (answer?.ok) {{
      for (const link of document.querySelectorAll("[data-page]"))
        link[link.href === undefined ? "action" : "href"] = folder + link.dataset.page;
      document.documentElement.dataset.book = folder;
      return;
    }}
  }}
}})();
</script>
</body>
</html>
"""


def missing_page(title: str, site: str) -> str:
    """The HTML; its links lead to the published book until the script has found this one."""
    return PAGE.format(title=escape(title), site=escape(site or "/", quote=True))


def write_page(app: Sphinx, exception: Exception | None) -> None:
    """Write it beside the index of a book that was built."""
    if exception is None and app.builder.format == "html":
        text = missing_page(app.config.html_title or app.config.project, site_of(Path(app.srcdir)))
        (Path(app.outdir) / "404.html").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write_page)
