"""chapters/formulas.yml: how each displayed formula was checked; read, and compared with the code.

    eq-ppo-gae:
      derivation: [gae.recursion]                   a result of the catalogue of derivations
      exact: [tests/test_advantages.py::test_it]    a test against sums or closed forms
      golden: [tests/test_golden.py::test_it]       a test against another library's numbers
      definition: GAE is defined by this sum.       why there is nothing to check

The names are looked up in the source: nothing of the package is imported or run.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

# In the order in which a mark names them: field, and what the mark says.
KINDS = {
    "derivation": "derived",
    "exact": "tested against the exact answer",
    "golden": "equal to a library's numbers",
    "definition": "a definition",
}
CATALOGUE = "rlhf_lab/derivations"
Check = dict[str, list[str]]


class FormulasError(ValueError):
    """A ledger of formulas that cannot be used; the message names file and label."""


def read_formulas(path: Path, root: Path) -> dict[str, Check]:
    """The checks of each label, in the order of KINDS; FormulasError lists all that is wrong."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(rows, dict):
        raise FormulasError(f"{path.name}: expected labels with their checks, got {rows!r}")
    problems = [
        f"{path.name}: {label}: {problem}"
        for label, row in rows.items()
        for problem in problems_of_row(row, root)
    ]
    if problems:
        raise FormulasError("\n".join(problems))
    return {label: in_order(row) for label, row in rows.items()}


def in_order(row: dict) -> Check:
    """Each kind of check with its list; a definition is one sentence."""
    found = {kind: row[kind] for kind in KINDS if kind in row}
    return {kind: [each] if kind == "definition" else each for kind, each in found.items()}


def problems_of_row(row: object, root: Path) -> Iterator[str]:
    """What is wrong with one row, as its author should read it."""
    if not isinstance(row, dict) or not row or set(row) - set(KINDS):
        yield f"expected one or more of {', '.join(KINDS)}; got {row!r}"
        return
    for kind, names in row.items():
        if kind == "definition":
            if not (isinstance(names, str) and names.strip()):
                yield f"definition should be a sentence, got {names!r}"
        elif not (isinstance(names, list) and names and all(isinstance(n, str) for n in names)):
            yield f"{kind} should be a list of names, got {names!r}"
        elif kind == "derivation":
            yield from (f"no derivation {name}" for name in names if not is_result(name, root))
        else:
            yield from (f"no test {name}" for name in names if not is_test(name, root))


def result_anchor(name: str) -> str:
    """The id of a result on the page of derivations: result-dpo-loss."""
    return "result-" + name.replace(".", "-").replace("_", "-")


def is_result(name: str, root: Path) -> bool:
    """True where module.function is among the RESULTS of a module of the catalogue."""
    module, _, function = name.partition(".")
    path = root / CATALOGUE / f"{module}.py"
    named = words_of(root / CATALOGUE / "catalogue.py")
    return path.is_file() and module in named and function in results_of(path)


def results_of(path: Path) -> set[str]:
    """The names in the RESULTS of a module of derivations."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RESULTS":
            return {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
    return set()


def words_of(path: Path) -> set[str]:
    """The names that are used in some source code."""
    tree = ast.parse(path.read_bytes()) if path.is_file() else ast.Module([], [])
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_test(name: str, root: Path) -> bool:
    """True where tests/file.py::test_name is a function of that file."""
    file, _, function = name.partition("::")
    path = root / file
    if not (file.startswith("tests/") and function.startswith("test_") and path.is_file()):
        return False
    body = ast.parse(path.read_bytes()).body
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in body)
