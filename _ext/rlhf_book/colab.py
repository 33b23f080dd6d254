"""A button that opens the notebook of a page in Colab, where there is one.

Repository: `repository` in _config.yml. Release: the tag v and the version in pyproject.toml.
"""

from pathlib import Path

from sphinx.application import Sphinx

from rlhf_book.address import release_of, repository_of

COLAB = "https://colab.research.google.com/github"


def notebook_address(repository: str, release: str, page: str) -> str:
    """Where Colab opens notebooks/PAGE.ipynb of a repository on GitHub."""
    owner_and_name = "/".join(repository.rstrip("/").split("/")[-2:])
    return f"{COLAB}/{owner_and_name}/blob/{release}/notebooks/{page}.ipynb"


def add_button(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Put the button first in the page's head."""
    root, page = Path(app.srcdir), pagename.rpartition("/")[2]
    repository = repository_of(root)
    if "header_buttons" not in context or not repository:
        return
    if not (root / "notebooks" / f"{page}.ipynb").is_file():
        return
    context["header_buttons"].insert(
        0,
        {
            "type": "link",
            "url": notebook_address(repository, release_of(root), page),
            "tooltip": "Run this page in Colab",
            "icon": "fas fa-play",
            "label": "colab-button",
        },
    )


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add_button, priority=600)
