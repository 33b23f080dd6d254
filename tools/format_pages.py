"""Format the code cells of pages like the package, to the width of a page's column.

python tools/format_pages.py [--check] chapters/*.md
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

WIDTH = 78
CELL = re.compile(
    r"(```\{code-cell\} python\n(?:---\n.*?\n---\n|(?::[^\n]*\n)+\n?)?)(.*?)(```)", re.DOTALL
)


def formatted(code: str) -> str:
    """The code as `ruff format` lays it out; SystemExit where it is not Python."""
    command = [sys.executable, "-m", "ruff", "format", "--line-length", str(WIDTH), "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout


def formatted_page(text: str) -> str:
    """The page with every code cell formatted."""
    return CELL.sub(lambda m: m[1] + formatted(m[2]) + m[3], text)


def main() -> None:
    """Rewrite the pages that are named, or say with --check which ones would change."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if needed")
    arguments = parser.parse_args()
    changed = []
    for page in arguments.pages:
        text = page.read_text(encoding="utf-8")
        new = formatted_page(text)
        if new != text:
            changed.append(str(page))
            if not arguments.check:
                page.write_text(new, encoding="utf-8")
    if changed and arguments.check:
        sys.exit(f"code cells to format: {', '.join(changed)}; run tools/format_pages.py on them")


if __name__ == "__main__":
    main()
