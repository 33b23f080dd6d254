"""What a submitted notebook tries beside the exercises: imports, edits, commands. And a clean copy.

This only finds words for the teacher. What keeps marks honest is that the graded process holds no
solution and that the referee judges in another one.
"""

import ast
import re

import nbformat

ALLOWED = {"rlhf_lab", "rlhf_lab.checks", "rlhf_lab.checks.catalogue"}
INSIDE = {"truth", "bugs", "law"}  # of an exercise: what it compares with
OURS = {"check", "exercises", "CheckFailedError"}
COMMAND = re.compile(r"""^\s*(?:[^=\n#'"]*[^=\n#'"!<>%]=\s*)?(?:!(?!=)|%%?\w)""")  # x = !ls too
HARMLESS = {"%%time", "%%capture"}  # the cell below them is run
GIVEN_COMMAND = '    %pip install -q "rlhf_lab @ git+'  # of the notebook's own first cell


def clean_copy(book: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, list[str]]:
    """The code of a notebook alone, without metadata and commands, and what is to be said of it."""
    notes, cells = [], []
    for number, cell in enumerate(cell for cell in book.cells if cell.cell_type == "code"):
        source, commands = without_commands(cell.source)
        own = [line for line in commands if not line.startswith(GIVEN_COMMAND)]
        notes += [f"a command was not run: {line.strip()[:60]}" for line in own]
        notes += remarks(source, number)
        cells.append(nbformat.v4.new_code_cell(source))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    metadata["otter"] = {"assignment_name": "rlhf-lab"}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata), list(dict.fromkeys(notes))


def is_of_this_lab(book: nbformat.NotebookNode, names: set[str]) -> bool:
    """True where otter's mark says so, or, where Colab dropped it, a function that is asked for."""
    mark = book.metadata.get("otter", {}).get("assignment_name")
    if mark is not None:
        return mark == "rlhf-lab"
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    return bool(names & set(re.findall(r"^def (\w+)\(", code, re.M)))


def without_commands(source: str) -> tuple[str, list[str]]:
    """A cell with `pass` in the place of each command of IPython or the shell, and the commands."""
    lines = source.split("\n")
    if lines[0].startswith("%%") and lines[0].split()[0] not in HARMLESS:
        return "pass", [lines[0]]
    commands = [line for line in lines if COMMAND.match(line)]
    kept = [re.sub(r"\S.*", "pass", line) if COMMAND.match(line) else line for line in lines]
    return "\n".join(kept), commands


def imports(book: nbformat.NotebookNode) -> set[str]:
    """The modules that the code of a notebook imports, by their first names, without ours."""
    found = set()
    for cell in book.cells:
        try:
            nodes = list(ast.walk(ast.parse(cell.source)))
        except SyntaxError:
            continue
        names = [name.name for n in nodes if isinstance(n, ast.Import) for name in n.names]
        names += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level]
        found |= {name.partition(".")[0] for name in names}
    return found - {"rlhf_lab", "lab_hidden"}


def remarks(source: str, number: int) -> list[str]:
    """What is to be said of the code of one cell."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return [f"code cell {number + 1} is not plain Python: {error.msg} (line {error.lineno})"]
    return [words for node in ast.walk(tree) for words in remarks_on(node)]


def remarks_on(node: ast.AST) -> list[str]:
    """What is to be said of one part of the code."""
    if isinstance(node, ast.Import):
        return [imported(name.name) for name in node.names if is_ours(name.name)]
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{name.name}" for name in node.names if name.name not in OURS]
        return [imported(name) for name in names if is_ours(name)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        hidden_in_text = re.fullmatch(r"rlhf_lab(\.\w+)+|lab_hidden", node.value)
        return [imported(node.value)] if hidden_in_text and is_ours(node.value) else []
    if isinstance(node, ast.Attribute) and node.attr in INSIDE:
        return [f"looks at what the checks compare with: .{node.attr}"]
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        changed = ast.unparse(node)
        return [f"edits the checks: {changed} = ..."] if is_of_checks(changed) else []
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        changed = ast.unparse(node)
        return [f"edits the checks: {changed} = ..."] if changed.startswith("exercises[") else []
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in OURS:
        return [f"edits the checks: {node.id} = ..."]
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in OURS:
        return [f"edits the checks: defines {node.name} anew"]
    return []


def is_ours(module: str) -> bool:
    """True for a module that a submission has no business with."""
    top = module.partition(".")[0]
    return (top == "rlhf_lab" and module not in ALLOWED) or top == "lab_hidden"


def imported(module: str) -> str:
    """In words."""
    if module == "lab_hidden":
        return "imports the hidden tests: lab_hidden"
    return f"imports the solution: {module} is not there while grading"


def is_of_checks(name: str) -> bool:
    """True for an attribute of the package, of its checks or of otter."""
    return name.partition(".")[0] in {"rlhf_lab", "checks", "exercises", "otter", "Checker"}
