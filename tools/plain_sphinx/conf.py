"""The settings of the book for Sphinx without Jupyter Book, read from _config.yml.

    sphinx-build -c tools/plain_sphinx . _build/sphinx

`make sphinx` does that with the newest Sphinx, in an environment of its own.
"""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
OF_JUPYTER_BOOK = {"jupyter_book", "sphinx_comments"}

globals().update(BOOK["sphinx"]["config"])
for folder in BOOK["sphinx"]["local_extensions"].values():
    sys.path.append(str(ROOT / folder))

extensions = [
    *(name for name in BOOK["sphinx"]["config"]["extensions"] if name not in OF_JUPYTER_BOOK),
    "sphinx_multitoc_numbering",
]
bibtex_bibfiles = [str(ROOT / name) for name in BOOK["sphinx"]["config"]["bibtex_bibfiles"]]
html_title = project = BOOK["title"]
author = BOOK["author"]
copyright = BOOK["copyright"]
html_baseurl = BOOK["html"].get("baseurl", "")
html_theme = "sphinx_book_theme"
html_sourcelink_suffix = ""
use_multitoc_numbering = BOOK["html"]["use_multitoc_numbering"]
exclude_patterns = [*BOOK["exclude_patterns"], "_build"]
external_toc_exclude_missing = BOOK["only_build_toc_files"]
myst_enable_extensions = BOOK["parse"]["myst_enable_extensions"]
myst_url_schemes = ["mailto", "http", "https"]
nb_execution_mode = BOOK["execute"]["execute_notebooks"]
nb_execution_timeout = BOOK["execute"]["timeout"]
nb_output_stderr = BOOK["execute"]["stderr_output"]
pygments_style = "sphinx"
suppress_warnings = ["myst.domains"]
