"""A tiny book, built for real as `make book` builds the real one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

EXTENSION = Path(__file__).resolve().parents[1] / "_ext"
RAN = re.compile(r"^(\S+) ran in [\d.]+ s \(\d+ of \d+\)$", re.MULTILINE)
ROW = {"claim": "It holds.", "verdict": "holds", "evidence": ["proof"], "chapter": "dpo"}

CONF = """
extensions = ["myst_nb", "rlhf_book"]
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "cache"
exclude_patterns = ["_build"]
nb_execution_raise_on_error = True
html_theme = "sphinx_book_theme"
mathjax_path = "vendor/mathjax/tex-mml-chtml.js"
rlhf_book_package = "lab"
claims_ledger = "claims.yml"
"""
LEDGER = yaml.safe_dump({"DPO-1": ROW | {"claim": "Both $a$ and b.", "chapter": "index"}})
PAGE = """---
file_format: mystnb
kernelspec: {{name: python3}}
---
# {title}

{body}

```{{code-cell}} python
from lab import {module}
print({module}.number)
```
"""


class Book:
    """A book of two pages over a package of two modules."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "lab").mkdir(parents=True)
        pages = "```{claims} DPO\n```\n\n```{toctree}\nother\n```"
        body = "{claim}`DPO-1` $a$\n\n$$\na\n$$ (eq-a)\n\n" + pages
        index = PAGE.format(title="One", body=body, module="first")
        self.write("index.md", index)
        self.write("other.md", PAGE.format(title="Other", body="Text.", module="second"))
        for name, text in {
            "__init__": "",
            "first": "number = 101",
            "second": "number = 202",
        }.items():
            self.write(f"lab/{name}.py", text + "\n")
        self.write("claims.yml", LEDGER)
        self.write("formulas.yml", "eq-a: {definition: a letter.}")
        self.write("conf.py", CONF)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def build(self) -> subprocess.CompletedProcess[str]:
        """Build as `make book` does: warnings are errors, all of them are shown."""
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", ".", "_build/html"]
        path = os.pathsep.join([str(EXTENSION), str(self.root)])
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # files change within one second
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def executed(self) -> set[str]:
        """The pages that the next build executes; it must succeed."""
        result = self.build()
        assert result.returncode == 0, result.stdout + result.stderr
        said = result.stdout + result.stderr
        assert "Executing notebook" not in said  # myst-nb finds every output in the cache
        return set(RAN.findall(said))

    def html(self, name: str) -> str:
        return (self.root / "_build" / "html" / name).read_text()
