"""Make notebooks/*.ipynb, for Colab, of every page with code.

    python tools/make_notebooks.py            write them
    python tools/make_notebooks.py --check    say which ones are not in step with their page

The same pages always give the same files. Nothing in notebooks/ is edited by hand.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import jupytext
import nbformat
import yaml
from plain_markdown import EQUATION, LABEL, Book, UnknownMarkupError, options_of, plain
from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "_ext"))

from rlhf_book.address import release_of, repository_of, site_of  # noqa: E402
from rlhf_book.formula_ledger import KINDS, read_formulas, result_anchor  # noqa: E402

INSTALL = """\
# Only where the package is missing, as in Colab: install it.
import importlib.util

if importlib.util.find_spec("rlhf_lab") is None:
    %pip install -q "rlhf_lab @ git+{repository}@{release}"
"""
MACHINE = """\
from rlhf_lab.machine import what_runs_here

print(what_runs_here({seconds}))
"""
SECONDS = "notebooks/seconds.json"  # measured and written by tools/run_notebooks.py --record
HEAD = (
    "*This notebook is made of a page of the book "
    "[{book}]({site}/chapters/{page}.html). Formulas, code and exercises are the same; "
    "figures answer to sliders while a kernel runs.*"
)
HIDDEN = {"remove-input", "hide-input", "remove-cell", "hide-cell"}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def address(root: Path) -> tuple[str, str, str]:
    """Repository, release and site: from _config.yml and the version of the package."""
    return repository_of(root), release_of(root), site_of(root).rstrip("/")


def machine_cell(page: str, root: Path) -> str:
    """The cell that says what runs on this machine, and how long where that was measured."""
    path = root / SECONDS
    measured = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return MACHINE.format(seconds=f"seconds={measured[page]}" if page in measured else "")


def read_book(root: Path) -> Book:
    """Titles, labels, citations and claims of all pages."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in sorted_pages(root)}
    labels = {}
    for page, text in pages.items():
        labels |= labels_of(page, text)
    rows = yaml.safe_load((root / "chapters" / "claims.yml").read_text(encoding="utf-8"))
    return Book(
        site=address(root)[2],
        titles={page: first_heading(text) for page, text in pages.items()},
        labels=labels,
        citations=dict(citations(root / "references.bib")),
        claims={
            name: (row["verdict"], " ".join([row["claim"], row.get("note", "")]).strip())
            for name, row in rows.items()
        },
        checks=dict(checks(root)),
    )


def checks(root: Path):
    """(label, how the formula was checked, with links) of every displayed formula."""
    repository, release, site = address(root)
    for label, check in read_formulas(root / "chapters" / "formulas.yml", root).items():
        said = []
        for kind, names in check.items():
            links = {
                "definition": "{name}",
                "derivation": "[`{name}`]({site}/chapters/derivations.html#{anchor})",
            }.get(kind, "[`{test}`]({repository}/blob/{release}/{file})")
            shown = [
                links.format(
                    name=name,
                    site=site,
                    anchor=result_anchor(name),
                    test=name.rpartition("::")[2],
                    repository=repository,
                    release=release,
                    file=name.partition("::")[0],
                )
                for name in names
            ]
            said.append(f"{KINDS[kind]}: {', '.join(shown)}")
        yield label, "✓ " + "; ".join(said)


def sorted_pages(root: Path) -> list[Path]:
    """The pages of the book, by name."""
    return sorted((root / "chapters").glob("*.md"))


def first_heading(text: str) -> str:
    """The title of a page."""
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1].strip()


def labels_of(page: str, text: str) -> dict[str, tuple[str, str]]:
    """Each label of a page: the heading below it, the title of an exercise, or a number."""
    lines, labels, equations = text.split("\n"), {}, 0
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if label := LABEL.match(line):
            labels[label[1]] = (page, below.lstrip("# ").strip())
        elif equation := EQUATION.match(line):
            equations += 1
            labels[equation["label"]] = (page, str(equations))
        elif start := re.match(r"^`{3,}\{exercise\}[ ]*(.*)$", line):
            labels[options_of(below)[0].get("label", "")] = (page, start[1] or "Exercise")
    return labels


def citations(bibliography: Path):
    """(key, (names and year, address)) of every work."""
    for key, entry in parse_file(str(bibliography)).entries.items():
        people = ["".join(person.last_names) for person in entry.persons["author"]]
        names = {1: people[0], 2: " and ".join(people)}.get(len(people), f"{people[0]} et al.")
        yield key, (f"{names} {entry.fields['year']}", where(entry.fields))


def where(fields) -> str:
    """The address of a work."""
    if "doi" in fields:
        return f"https://doi.org/{fields['doi']}"
    if "eprint" in fields:
        return f"https://arxiv.org/abs/{fields['eprint']}"
    return fields["url"]


def notebook(page: str, text: str, book: Book, root: Path) -> nbformat.NotebookNode | None:
    """The notebook of a page; None for a page without code."""
    if not text.startswith("---\nfile_format: mystnb"):
        return None
    source = jupytext.reads(text.split("\n---\n", 1)[1], fmt="md:myst")
    repository, release, site = address(root)
    name = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["title"]
    cells = [markdown(HEAD.format(book=name, site=site, page=page))]
    for cell in source.cells:
        if cell.cell_type == "markdown":
            cells += [markdown(plain(cell.source, page, book))]
            continue
        if all(made.cell_type == "markdown" for made in cells):
            cells += [
                code(INSTALL.format(repository=repository, release=release)),
                code(machine_cell(page, root)),
            ]
        tags = set(cell.metadata.get("tags", ()))
        if "skip-execution" in tags:
            raise UnknownMarkupError(
                f"{page}: a notebook would run a cell tagged skip-execution; write its code in a "
                "```python block"
            )
        cells.append(code(cell.source, hidden=bool(HIDDEN & tags)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def markdown(source: str) -> nbformat.NotebookNode:
    """A cell of text."""
    return nbformat.v4.new_markdown_cell(source)


def code(source: str, *, hidden: bool = False) -> nbformat.NotebookNode:
    """A cell of code without output; folded where the page folds it."""
    look = {"cellView": "form", "jupyter": {"source_hidden": True}} if hidden else {}
    return nbformat.v4.new_code_cell(source.rstrip("\n"), metadata=look)


def notebooks(root: Path) -> dict[str, str]:
    """File name and text of every notebook."""
    book = read_book(root)
    made = {}
    for path in sorted_pages(root):
        found = notebook(path.stem, path.read_text(encoding="utf-8"), book, root)
        if found is not None:
            nbformat.validate(found)
            made[f"{path.stem}.ipynb"] = nbformat.writes(found) + "\n"
    return made


def main() -> None:
    """Write the notebooks, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where needed")
    arguments = parser.parse_args()
    folder = ROOT / "notebooks"
    try:
        made = notebooks(ROOT)
    except UnknownMarkupError as error:
        sys.exit(str(error))
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.ipynb")}
    stale = sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))
    if arguments.check:
        sys.exit(f"not in step: {', '.join(stale)}; run tools/make_notebooks.py" if stale else 0)
    folder.mkdir(exist_ok=True)
    for name in stale:
        if name in made:
            (folder / name).write_text(made[name], encoding="utf-8")
        else:
            (folder / name).unlink()


if __name__ == "__main__":
    main()
