"""The README's example prints what the README says, and its tree names every file."""

import contextlib
import io
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL).group(1)


def test_the_example_prints_what_stands_below_it():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("python"), "README.md", "exec"), {})
    assert printed.getvalue() == block("text")


def test_the_tree_names_every_module_or_its_folder_and_no_other():
    named = set(re.findall(r"^ {4}(rlhf_lab/\S+(?:\.py|/)) ", README, re.MULTILINE))
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rlhf_lab").rglob("*.py")}
    modules = {module for module in modules if not module.endswith("__init__.py")}
    assert {name for name in named if not any(m.startswith(name) for m in modules)} == set()
    assert {module for module in modules if not any(module.startswith(n) for n in named)} == set()


def test_its_links_lead_to_files():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
