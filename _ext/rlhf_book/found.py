"""Where the book is: each page's address, sitemap.xml, the repository for the theme.

All of it only where the address is known (address.py).
"""

from pathlib import Path
from xml.etree import ElementTree

from sphinx.application import Sphinx
from sphinx.config import Config

from rlhf_book.address import branch_of, repository_of, site_of

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def use_addresses(app: Sphinx, config: Config) -> None:
    """Tell Sphinx where the book is, and the theme where its repository is."""
    root = Path(app.srcdir)
    config.html_baseurl = config.html_baseurl or site_of(root)
    repository = {"repository_url": repository_of(root), "repository_branch": branch_of(root)}
    if repository["repository_url"]:
        config.html_theme_options = repository | config.html_theme_options


def sitemap(addresses: list[str]) -> bytes:
    """A sitemap of some addresses (sitemaps.org, protocol 0.9)."""
    root = ElementTree.Element("urlset", xmlns=NAMESPACE)
    for address in addresses:
        ElementTree.SubElement(ElementTree.SubElement(root, "url"), "loc").text = address
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """Write the sitemap of all pages, also of those that this build left as they were."""
    site = app.config.html_baseurl
    if exception is None and app.builder.format == "html" and site:
        pages = sorted(app.env.found_docs)
        addresses = [site + app.builder.get_target_uri(page) for page in pages]
        (Path(app.outdir) / "sitemap.xml").write_bytes(sitemap(addresses))


def setup(app: Sphinx) -> None:
    app.connect("config-inited", use_addresses)
    app.connect("build-finished", write_sitemap)
