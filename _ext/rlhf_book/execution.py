"""The cells of several pages run at a time, before Sphinx reads the pages one by one.

A page that will be read and has no outputs in the jupyter cache runs in a kernel of its own, as
myst-nb would run it. Its outputs go into the cache, where myst-nb then finds them. Kernels are
processes and a thread waits for each; only the main thread writes into the cache. Where a cell
fails, page and line are reported, the other pages still run, and then the build stops.
"""

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from math import nan
from pathlib import Path

import psutil  # comes with ipykernel
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

from rlhf_book.freshness import notebook_of

logger = logging.getLogger(__name__)
MEMORY = 1e9  # bytes of a page with PyTorch: the largest one takes 0.86e9
MOST = 8  # more do not help: the longest page takes an eighth of the time of all
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page whose cells have to run."""

    name: str
    path: Path
    notebook: NotebookNode
    begun: list[int] = field(default_factory=list)
    """the places of the cells that were sent to the kernel"""


def at_once(*, pages: int, cores: int, memory: float) -> int:
    """How many pages run at a time: one a core, as far as they and the free bytes reach."""
    return max(1, min(pages, cores, int(memory / MEMORY), MOST))


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def code_of(notebook: NotebookNode) -> str:
    """The code of a page."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def pages_to_run(
    env: BuildEnvironment, names: Iterable[str], cache: JupyterCacheBase
) -> list[Page]:
    """Those of the named pages that have no outputs in the cache; first the one with most code.

    What takes longest should begin first, and before a page has run its code is all that is known.
    """
    pages = []
    for name in names:
        path = Path(env.doc2path(name))
        notebook = notebook_of(env, path)
        if notebook is None:
            continue
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            pages.append(Page(name=name, path=path, notebook=notebook))
    return sorted(pages, key=lambda page: -len(code_of(page.notebook)))


def run(page: Page, timeout: int) -> ExecutionResult:
    """Run a page's cells in its folder, each for at most `timeout` seconds."""
    try:
        return single_nb_execution(
            page.notebook, cwd=str(page.path.parent), timeout=timeout, allow_errors=False,
            on_cell_execute=lambda cell, cell_index: page.begun.append(cell_index),
        )  # fmt: skip
    finally:
        ensure_event_loop().close()  # this thread's own, which is left open


def run_all(
    pages: list[Page], *, number: int, timeout: int
) -> Iterator[tuple[Page, float, BaseException | None]]:
    """Run pages, `number` at a time; each as it ends, with its seconds and what stopped it."""
    pool, this = ThreadPoolExecutor(number), psutil.Process()
    others = {*this.children()}
    try:
        running = {pool.submit(run, page, timeout): page for page in pages}
        for future in as_completed(running):
            error = future.exception()  # the kernel died
            result = None if error else future.result()
            yield running[future], result.time if result else nan, error or result.err
    except (KeyboardInterrupt, GeneratorExit):
        for kernel in {*this.children()} - others:
            kernel.kill()  # its thread then ends at once
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def fault(page: Page, error: BaseException) -> tuple[str, int]:
    """What went wrong in which cell, and the line of the page on which that cell begins."""
    place = page.begun[-1] if page.begun else 0
    number = sum(cell.cell_type == "code" for cell in page.notebook.cells[: place + 1])
    said = COLOUR.sub("", str(error)).strip()
    return f"cell {number} failed: {said}", page.notebook.metadata["source_map"][place] + 1


def run_pages(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Run what has to run and keep its outputs; ExtensionError names the pages that failed."""
    settings = env.mystnb_config
    if settings.execution_mode != "cache":
        return
    cache = get_cache(settings.execution_cache_path)
    pages, failed = pages_to_run(env, names, cache), []
    memory = psutil.virtual_memory().available
    number = at_once(pages=len(pages), cores=cores(), memory=memory)
    if pages:
        logger.info("running the cells of %d pages, %d at a time", len(pages), number)
    results = run_all(pages, number=number, timeout=settings.execution_timeout)
    for count, (page, seconds, error) in enumerate(results, 1):
        if error is not None:
            failed.append(page.name)
            message, line = fault(page, error)
            logger.error("%s", message, location=f"{page.path}:{line}")
            continue
        outputs = CacheBundleIn(page.notebook, str(page.path), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(outputs, check_validity=False, overwrite=True)
        logger.info("%s ran in %.1f s (%d of %d)", page.name, seconds, count, len(pages))
    if failed:
        raise ExtensionError(f"cells failed on {', '.join(sorted(failed))}; see above")


def setup(app: Sphinx) -> None:
    app.connect("env-before-read-docs", run_pages)
