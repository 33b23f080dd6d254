"""Make the lab's release: what students get, and what grades it.

    python tools/make_lab.py                 into dist/lab
    python tools/make_lab.py --seed 7        with other hidden inputs

Otter makes the student's notebook and the autograder of labs/rlhf-lab/lab.md. Before anything is
kept, the reference solution must get full marks, the untouched notebook none, and no solution and
no hidden test may be found in what students get.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from grade_lab import Limits, grade, read_release
from lab_source import LAB, ROOT, Question, questions, source_notebook

README = """\
The lab of the book "Reinforcement Learning for Language Models".

lab.ipynb  the notebook: open it in Colab, or in Jupyter; its first cell installs what is missing
tests/     the public tests in otter-grader's format; the notebook does not need them

Hand in the notebook as NAME.ipynb.
"""


class ReleaseError(Exception):
    """The release is not fit to be given out."""


def with_seed(text: str, seed: int) -> str:
    """The hidden exercises with another seed."""
    changed, count = re.subn(r"^SEED = \d+", f"SEED = {seed}", text, flags=re.M)
    if count != 1:
        raise ReleaseError(f"lab_hidden.py must set SEED once, it does so {count} times")
    return changed


def secrets(found: list[Question]) -> list[str]:
    """Each solution and each hidden test, as text that no student may get."""
    hidden = [t.source.partition("\n")[2] for q in found for t in q.tests if t.hidden]
    solved = []
    for question in found:
        for cell in question.cells:
            solved += re.findall(r"# BEGIN SOLUTION\n(.*?)\n *# END SOLUTION", cell, re.S)
            solved += re.findall(r"^(\w+ = .*?) *# SOLUTION$", cell, re.M)
    names = ["lab_hidden", "BEGIN SOLUTION", "# SOLUTION", "# HIDDEN"]
    return names + hidden + [text for text in solved if len(text) > 20]


def leaks(folder: Path, found: list[Question]) -> list[str]:
    """Files of a folder in which a secret stands, with its first line."""
    named = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".ipynb":
                cells = nbformat.reads(text, as_version=4).cells
                text = "\n".join([*(cell.source for cell in cells), text])
            named += [f"{path.name}: {s.splitlines()[0]}" for s in secrets(found) if s in text]
    return named


def assigned(folder: Path, seed: int, python: Path) -> Path:
    """What otter makes of the source: a folder with `student` and `autograder`."""
    nbformat.write(source_notebook(), folder / "lab.ipynb")
    hidden = with_seed((LAB / "lab_hidden.py").read_text(encoding="utf-8"), seed)
    (folder / "lab_hidden.py").write_text(hidden, encoding="utf-8")
    command = [python, "-m", "otter", "assign", "lab.ipynb", "made", "--no-pdfs", "--no-run-tests"]
    environment = os.environ | {"PYTHONPATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ReleaseError(f"otter assign failed:\n{done.stdout}{done.stderr}")
    return folder / "made"


def tried(release_zip: Path, made: Path, python: Path) -> None:
    """Grade the reference and the untouched notebook as submissions."""
    release = read_release(release_zip)
    limits = Limits(cell=40, submission=180, python=python)
    most = sum(question.points for question in release.questions)
    for kind, expected in (("autograder", most), ("student", 0)):
        found = grade(made / kind / "lab.ipynb", release, limits)
        got = sum(found.points.values())
        print(f"  the notebook of the {kind}: {got:g} of {most:g} points in {found.seconds} s")
        if got != expected or found.outcome != "graded":
            raise ReleaseError(
                f"{kind}: expected {expected} points, got {got} ({found.outcome})\n"
                + "\n".join(found.reasons)
            )


def collected(made: Path, release: Path) -> None:
    """The files of the release in a folder of their own."""
    (release / "teacher").mkdir(parents=True)
    (made / "student" / "README.txt").write_text(README, encoding="utf-8")
    shutil.copy(made / "student" / "lab.ipynb", release / "lab.ipynb")
    with zipfile.ZipFile(release / "rlhf-lab-student.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((made / "student").rglob("*")):
            if path.is_file():
                archive.write(path, Path("rlhf-lab") / path.relative_to(made / "student"))
    (autograder,) = (made / "autograder").glob("*.zip")
    shutil.copy(autograder, release / "teacher" / "rlhf-lab-autograder.zip")
    shutil.copy(made / "autograder" / "lab.ipynb", release / "teacher" / "reference.ipynb")


def main() -> None:
    """Make it, try it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "lab")
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-lab" / "bin" / "python")
    parser.add_argument("--seed", type=int, default=2026, help="of the hidden inputs")
    given = parser.parse_args()
    python = Path(os.path.abspath(given.python))
    if not python.exists():
        sys.exit(f"{python} is missing: `make lab-env` makes it")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.output.parent, prefix=".lab-") as folder:
        try:
            made = assigned(Path(folder), given.seed, python)
            if found := leaks(made / "student", questions(source_notebook())):
                raise ReleaseError("students would get:\n" + "\n".join(found))
            (zipped,) = (made / "autograder").glob("*.zip")
            tried(zipped, made, python)
        except ReleaseError as problem:
            sys.exit(f"no release: {problem}")
        release = Path(folder) / "release"
        collected(made, release)
        shutil.rmtree(given.output, ignore_errors=True)
        release.rename(given.output)
    print(f"{given.output}: rlhf-lab-student.zip, lab.ipynb; teacher/ holds what grades it")


if __name__ == "__main__":
    main()
