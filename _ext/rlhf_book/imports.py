"""Which modules of one package some source code needs, found by reading, not by running.

Left out: names built at run time (importlib). A cell that is not Python needs every module.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path


def package_modules(folder: Path) -> dict[str, Path]:
    """Every module of the package in `folder`, by dotted name; a package has its __init__.py."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        parts = (folder.name, *path.relative_to(folder).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imported_names(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Each dotted name that an import statement mentions; `package` resolves relative ones.

    `from a.b import c` mentions a.b and a.b.c, as c may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def with_parents(name: str) -> list[str]:
    """a.b.c with the packages that Python runs before it: a, a.b, a.b.c."""
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def without_magics(cell: str) -> str:
    """A cell without the lines that only a notebook understands (%magic, !command)."""
    lines = cell.splitlines()
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def closure(cells: Iterable[str], modules: dict[str, Path]) -> set[str]:
    """The modules that the cells import, those that these import, and so on."""
    waiting: list[str] = []
    for cell in cells:
        try:
            waiting += imported_names(ast.parse(without_magics(cell)))
        except SyntaxError:
            return set(modules)
    needed: set[str] = set()
    while waiting:
        for name in with_parents(waiting.pop()):
            if name in modules and name not in needed:
                needed.add(name)
                path = modules[name]
                package = name if path.name == "__init__.py" else name.rpartition(".")[0]
                waiting += imports_of(path.read_bytes(), package)
    return needed


@cache
def imports_of(source: bytes, package: str) -> tuple[str, ...]:
    """What a module mentions in its imports. Pages share modules: each is read once."""
    return tuple(imported_names(ast.parse(source), package))


@cache
def constants(source: str | bytes) -> frozenset[str]:
    """Every string that stands in some source code."""
    nodes = ast.walk(ast.parse(source))
    found = (n.value for n in nodes if isinstance(n, ast.Constant))
    return frozenset(value for value in found if isinstance(value, str))
