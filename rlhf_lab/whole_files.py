"""Files that are written in one step."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, as `whole_file` says."""
    content = text.encode("utf-8")
    with whole_file(path) as partial:
        partial.write_bytes(content)


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """A file to write to, which takes the place of `path` at the end.

    A reader sees the whole new file or the old one, never a part, and whoever may read any new file
    may read it: safetensors would let its owner alone. Where anything fails, the old file stays and
    nothing is left behind. A link stays: what it leads to is written. Folders are not made.
    """
    path = Path(os.path.realpath(path))
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.touch()
        mode = partial.stat().st_mode
        yield partial
        partial.chmod(mode)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
