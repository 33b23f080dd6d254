"""The lab's source read: its notebook, its questions, its tests, and what a student gets of a cell.

The source is in the format of otter-grader: raw cells say where a question, its solution and its
tests begin and end. Otter makes the real files; this is for looking at the source without it.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
import yaml
from make_notebooks import INSTALL, ROOT, address, code

LAB = ROOT / "labs" / "rlhf-lab"
ASKS = re.compile(r"""(exercises\[|judge\()["'](\w+)["']""")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test case of otter's exception-based format."""

    source: str  # of its function
    hidden: bool
    points: float

    @property
    def asks(self) -> tuple[tuple[str, str], ...]:
        """What it lets the referee judge: ("public" or "hidden", name)."""
        kinds = {"exercises[": "public", "judge(": "hidden"}
        return tuple((kinds[how], name) for how, name in ASKS.findall(self.source))


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question: its text, its code cells with the solution in them, its tests."""

    name: str
    text: str
    cells: tuple[str, ...]
    tests: tuple[Case, ...]

    @property
    def points(self) -> float:
        """Of all its tests."""
        return sum(test.points for test in self.tests)


def source_notebook() -> nbformat.NotebookNode:
    """The source as the notebook that otter reads; before the first code cell one that installs."""
    repository, release, _ = address(ROOT)
    text = (LAB / "lab.md").read_text(encoding="utf-8")
    text = text.replace("{repository}", repository).replace("{release}", release)
    book = jupytext.reads(text, fmt="md:myst")
    first = next(i for i, cell in enumerate(book.cells) if cell.cell_type == "code")
    book.cells.insert(first, code(INSTALL.format(repository=repository, release=release)))
    book.metadata.pop("jupytext", None)
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    return book


def questions(book: nbformat.NotebookNode) -> list[Question]:
    """The questions of the source in their order."""
    found, block, config, cells, tests, words = [], "", {}, [], [], []
    for cell in book.cells:
        if cell.cell_type == "raw":
            verb, _, block = cell.source.partition("\n")[0].removeprefix("# ").partition(" ")
            if (verb, block) == ("BEGIN", "QUESTION"):
                config, cells, tests, words = yaml.safe_load(cell.source), [], [], []
            elif (verb, block) == ("END", "QUESTION"):
                found.append(question(config, words, cells, tests))
                config = {}
            if verb == "END":
                block = ""
        elif config and block == "TESTS":
            tests.append(cell.source)
        elif config:
            (cells if cell.cell_type == "code" else words).append(cell.source)
    return found


def question(config: dict, words: list[str], cells: list[str], tests: list[str]) -> Question:
    """A question of the source; each of its tests has points of its own."""
    made = (
        Case(source=source, hidden=source.startswith("# HIDDEN"), points=points)
        for source, points in zip(tests, config["points"], strict=True)
    )
    settings = {"text": "\n\n".join(words), "cells": tuple(cells), "tests": tuple(made)}
    return Question(name=config["name"], **settings)


def questions_of_release(files: dict[str, str]) -> list[Question]:
    """The questions of otter's test files, by name of the file."""
    found = []
    for name, text in sorted(files.items()):
        tree = ast.parse(text)
        points = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id == "points"
        )
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        tests = tuple(
            Case(
                source=ast.unparse(function),
                hidden="hidden=True" in ast.unparse(function.decorator_list[0]),
                points=worth,
            )
            for function, worth in zip(functions, points, strict=True)
        )
        found.append(Question(name=Path(name).stem, text="", cells=(), tests=tests))
    return found


def untouched(source: str) -> str:
    """A cell as a student gets it: `...` in the place of each solution."""
    source = re.sub(
        r"^( *)# BEGIN SOLUTION\n.*?^ *# END SOLUTION$", r"\1...", source, flags=re.M | re.S
    )
    return re.sub(r"^(\w+ =).*# SOLUTION$", r"\1 ...", source, flags=re.M)


def refusal(test: Case, names: dict, modules: dict[str, Callable]) -> str:
    """What a test says against the names of a notebook; "" where it passes.

    `modules` holds `judge`, which a hidden test imports.
    """
    body = re.sub(r"^ *from lab_hidden import judge\n", "", test.source, flags=re.M)
    space = dict(modules)
    exec(compile(body, "test", "exec"), space)
    function = next(x for name, x in space.items() if name.startswith("test_"))
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    try:
        function(**{name: names.get(name) for name in wanted})
    except Exception as error:
        return str(error) or type(error).__name__
    return ""
