"""Pages run again when the code that they use has changed, and only then.

myst-nb keeps the outputs of a page by the text of its cells alone. Here each page with code gets a
key: a hash of requirements.txt, of the modules of the package that its cells import (and those that
these import), and of the recorded runs that are named there. Two places remember keys:
- a file inside the jupyter cache: under which key a page's outputs were made. Another key: they go.
  It is written as soon as they are gone, so outputs are never older than their key.
- Sphinx's environment: under which key a page was read. Another key: it is read again.
"""

import hashlib
import json
import os
import platform
import re
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.cache.db import NbCacheRecord
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from rlhf_book.imports import closure, constants, package_modules, without_magics

logger = logging.getLogger(__name__)
KEYS_FILE = "page_keys.json"


def notebook_of(env: BuildEnvironment, path: Path) -> NotebookNode | None:
    """The page as myst-nb reads it; None for a page without code."""
    text = path.read_text(encoding="utf-8")
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
    return None if reader is None else reader.read(text)


def named_runs(names: set[str], runs: Path) -> list[Path]:
    """The files under `runs` that a string names: a file, with or without .json, or a folder.

    A string that ends in a hyphen names all whose names begin with it: f"clip-{size}" names clip-2.
    """
    found: set[Path] = set()
    beginnings = tuple(name for name in names if re.fullmatch(r"\w[\w-]*-", name))
    for path in runs.rglob("*") if runs.is_dir() else ():
        relative = path.relative_to(runs)
        spellings = {str(relative), str(relative.with_suffix("")), f"{runs.name}/{relative}"}
        if spellings & names or str(relative).startswith(beginnings):
            found |= set(path.rglob("*")) if path.is_dir() else {path}
    return sorted(path for path in found if path.is_file())


def needed_files(cells: list[str], root: Path, package: str) -> list[Path]:
    """The files on which the outputs of these cells depend."""
    modules = package_modules(root / package)
    needed = [modules[name] for name in sorted(closure(cells, modules))]
    names: set[str] = set()
    for source in [*map(without_magics, cells), *(path.read_bytes() for path in needed)]:
        try:
            names |= constants(source)
        except SyntaxError:
            continue
    requirements = [path for path in [root / "requirements.txt"] if path.exists()]
    return requirements + needed + named_runs(names, root / "runs")


def page_key(cells: list[str], root: Path, package: str) -> str:
    """A hash of everything but the page itself that its outputs depend on."""
    digest = hashlib.sha256()
    digest.update(platform.python_version().encode())
    digest.update(os.environ.get("RLHF_LAB_STATIC", "").encode())
    for path in needed_files(cells, root, package):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()


def forget_outputs(cache: JupyterCacheBase, page: str, notebook: NotebookNode) -> None:
    """Remove every record of the page (srcdir-relative path), of its present and earlier texts."""
    _, hashkey = cache.create_hashed_notebook(notebook)
    for record in cache.list_cache_records():
        if record.hashkey == hashkey or Path(record.uri).as_posix().endswith(f"/{page}"):
            try:
                cache.remove_cache(record.pk)
            except KeyError:  # its file is gone already
                NbCacheRecord.remove_records([record.pk], cache.db)


def stale_pages(app: Sphinx, env: BuildEnvironment, *_: object) -> list[str]:
    """Remove outputs made by other code; return the pages to read again."""
    root = Path(app.srcdir)
    cache = get_cache(env.mystnb_config.execution_cache_path)
    keys_path = Path(cache.path) / KEYS_FILE
    made_under = json.loads(keys_path.read_text()) if keys_path.exists() else {}
    app.rlhf_keys = {}
    for page in sorted(env.found_docs):
        path = Path(env.doc2path(page))
        notebook = notebook_of(env, path)
        if notebook is None:
            continue
        cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        key = app.rlhf_keys[page] = page_key(cells, root, app.config.rlhf_book_package)
        if made_under.get(page) != key:
            forget_outputs(cache, path.relative_to(root).as_posix(), notebook)
            made_under[page] = key
    keys_path.write_text(json.dumps(made_under, indent=1, sort_keys=True))
    read_under = getattr(env, "rlhf_read_under", {})
    stale = [page for page, key in app.rlhf_keys.items() if read_under.get(page, key) != key]
    if stale:
        logger.info("the code of these pages has changed: %s", ", ".join(stale))
    return stale


def note_read(app: Sphinx, doctree: object) -> None:
    """Remember under which key the page was read."""
    if not hasattr(app.env, "rlhf_read_under"):
        app.env.rlhf_read_under = {}
    app.env.rlhf_read_under[app.env.docname] = app.rlhf_keys.get(app.env.docname, "")


def setup(app: Sphinx) -> None:
    app.add_config_value("rlhf_book_package", "rlhf_lab", "env", [str])
    app.connect("env-get-outdated", stale_pages)
    app.connect("doctree-read", note_read)
