"""Files that are written in one step."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write `text` as UTF-8: a reader sees the whole new file or the old one, never a part.

    Where anything fails, the old file stays and nothing is left behind. Folders are not made.
    """
    path = Path(path)
    content = text.encode("utf-8")
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def mode_of_new_files(path: Path) -> Iterator[None]:
    """What is written to `path` inside may be read by all who may read any new file.

    Of safetensors' files the owner alone may be the reader.
    """
    path.touch()
    mode = path.stat().st_mode
    yield
    path.chmod(mode)
