"""Files that are written in one step."""

import os
import uuid
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
