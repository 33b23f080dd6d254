"""Grade a folder of submissions of the lab into a CSV, offline and without Docker.

    python tools/grade_lab.py FOLDER                        writes FOLDER/grades.csv
    python tools/grade_lab.py FOLDER --output grades.csv    elsewhere
    python tools/grade_lab.py FOLDER --jobs 2               two at a time

A submission is NAME.ipynb, NAME.zip or a folder NAME with one notebook in it; of anything else
only the name is read. Each is run by otter in a process and a folder of its own, in an environment
without rlhf_lab; the functions are judged here, by the referee. What goes wrong in one is written
into its row, and the others go on. The CSV appears when all are graded.

This keeps marks honest; it is no wall. A notebook runs as you, with your files and your network:
grade those of strangers under an account that owns nothing, or in a container.
"""

import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from lab_referee import Referee, module_at
from lab_screening import clean_copy, imports, is_of_this_lab
from lab_source import LAB, ROOT, Case, Question, questions_of_release
from tqdm import tqdm

from rlhf_lab.checks.exercise import GUESS, KNOWN
from rlhf_lab.whole_files import write_whole

MOST_BYTES = 20_000_000  # a notebook may have
MARK = "\ufeff"  # before the CSV: without it Excel does not read it as UTF-8
OTTER = Path(__file__).with_name("lab_otter.py")


@dataclass(frozen=True, kw_only=True)
class Release:
    """What was released: otter's files without the hidden inputs, and these apart."""

    questions: list[Question]
    autograder: bytes  # the zip for a process that may know nothing
    hidden: dict
    seed: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds a cell and a submission may take, and the Python of the lab's environment."""

    cell: int
    submission: int
    python: Path


@dataclass(kw_only=True)
class Grade:
    """One row."""

    submission: str
    outcome: str = "graded"
    points: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)


class NotGradedError(Exception):
    """This submission cannot be graded; the arguments are the outcome and the reason."""


def read_release(autograder: Path) -> Release:
    """The release in otter's zip."""
    sealed, tests = io.BytesIO(), {}
    with (
        zipfile.ZipFile(autograder) as whole,
        zipfile.ZipFile(sealed, "w") as rest,
        tempfile.TemporaryDirectory() as folder,
    ):
        for name in whole.namelist():
            content = whole.read(name)
            if name == "files/lab_hidden.py":
                (Path(folder) / "lab_hidden.py").write_bytes(content)
                continue
            rest.writestr(name, content)
            if name.startswith("tests/") and name.endswith(".py"):
                tests[Path(name).name] = content.decode()
        hidden = module_at(Path(folder) / "lab_hidden.py", "lab_hidden")
    found = questions_of_release(tests)
    settings = {"hidden": hidden.hidden, "seed": hidden.SEED}
    return Release(questions=found, autograder=sealed.getvalue(), **settings)


def submissions(folder: Path) -> list[Path]:
    """Everything in a folder that may be a submission, by name."""
    found = [
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and (path.is_dir() or path.suffix in {".ipynb", ".zip"})
    ]
    return sorted(found)


def left_aside(folder: Path, output: Path) -> list[str]:
    """The names of the files of a folder that are neither submissions nor what is written there."""
    found = set(submissions(folder))
    rest = [path for path in folder.iterdir() if is_visible(path.name) and path not in found]
    return sorted(path.name for path in rest if path.resolve() != output.resolve())


def opened(path: Path) -> tuple[nbformat.NotebookNode, list[str]]:
    """The one notebook of a submission, and what lies beside it."""
    try:
        files = dict(files_of(path))
        if path.is_dir() and len(files) == 1 and (only := next(iter(files))).endswith(".zip"):
            files = dict(files_of(path / only))  # as course systems hand it over
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise NotGradedError("unreadable", f"cannot be opened: {error}") from error
    books = [name for name in files if name.endswith(".ipynb")]
    if len(books) != 1:
        raise NotGradedError("unreadable", f"one notebook is expected, {len(books)} came")
    try:
        book = nbformat.reads(files[books[0]]().decode("utf-8"), as_version=4)
        nbformat.validate(book, relax_add_props=True)
    except Exception as error:  # nbformat raises errors of many kinds
        words = f"is not a notebook: {type(error).__name__}: {str(error)[:100]}"
        raise NotGradedError("unreadable", words) from error
    others = [name for name in files if name != books[0]]
    return book, [f"left aside: {', '.join(sorted(others)[:5])}"] if others else []


def files_of(path: Path):
    """(name, function that reads it) of every file of a submission."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            if file.is_file() and is_visible(name):
                yield name, file.read_bytes
    elif path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        for item in archive.infolist():
            if is_visible(item.filename) and not item.is_dir():
                if item.filename.endswith(".ipynb") and item.file_size > MOST_BYTES:
                    raise RuntimeError(f"{item.filename} has {item.file_size} bytes")
                yield item.filename, lambda item=item: archive.read(item)
    else:
        yield path.name, path.read_bytes


def is_visible(name: str) -> bool:
    """False for what Jupyter and macOS lay beside a notebook."""
    return not any(part.startswith((".", "__MACOSX")) for part in Path(name).parts)


def missing(names: set[str], python: Path) -> list[str]:
    """The modules that are not there while grading; nothing is imported."""
    code = "import sys; from importlib.util import find_spec as f"
    code += "; print(*[n for n in sys.argv[1:] if n not in sys.modules and f(n) is None])"
    command = [python, "-I", "-c", code, *sorted(names)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def grade(path: Path, release: Release, limits: Limits) -> Grade:
    """Grade one submission; whatever goes wrong is in its row."""
    made, start = Grade(submission=path.stem if path.is_file() else path.name), time.monotonic()
    try:
        book, notes = opened(path)
        clean, more = clean_copy(book)
        made.reasons += notes + more
        if not is_of_this_lab(book, set(release.hidden)):
            raise NotGradedError("other notebook", "this is not the notebook of this lab")
        made.reasons += [
            f"imports {name}, which is not there while grading"
            for name in missing(imports(clean), limits.python)
        ]
        with tempfile.TemporaryDirectory(prefix="lab-") as folder:
            points_of(clean, release, limits, Path(folder), made)
    except NotGradedError as problem:
        made.outcome = problem.args[0]
        made.reasons.insert(0, problem.args[1])
    except Exception as error:  # a fault of ours must not stop the others
        made.outcome = "not graded"
        made.reasons.insert(0, f"the grader failed: {type(error).__name__}: {str(error)[:200]}")
    made.seconds = round(time.monotonic() - start, 1)
    return made


def points_of(
    book: nbformat.NotebookNode, release: Release, limits: Limits, folder: Path, made: Grade
) -> None:
    """Run a clean notebook through otter, and give the points that the referee confirms."""
    (folder / "work").mkdir()
    nbformat.write(book, folder / "submission.ipynb")
    (folder / "autograder.zip").write_bytes(release.autograder)
    with Referee(folder / "referee", release.hidden, release.seed) as referee:
        printed = run_otter(folder, limits)
    if interrupted := printed.count("Interrupting kernel"):
        words = "a cell was" if interrupted == 1 else f"{interrupted} cells were"
        made.reasons.append(f"{words} interrupted: longer than {limits.cell} s")
    results = folder / "results.json"
    tests = json.loads(results.read_text())["tests"] if results.exists() else []
    scored = {test["name"]: test for test in tests if "max_score" in test}
    if not scored:
        last = (printed.strip().splitlines() or ["no message"])[-1]
        raise NotGradedError("crashed", f"the notebook gave no results: {last[:200]}")
    for question in release.questions:
        confirmed, problems = confirmed_points(question, referee.verdicts)
        otter = scored.get(question.name, {"score": 0.0, "output": ""})
        made.points[question.name] = min(otter["score"], confirmed)
        if otter["score"] > confirmed:
            problems.insert(0, "otter was made to give points that the referee did not confirm")
        elif otter["score"] < confirmed:
            problems.append("its test did not pass")
        made.reasons += [f"{question.name}: {problem}" for problem in problems]


def confirmed_points(question: Question, verdicts: dict) -> tuple[float, list[str]]:
    """The points of the tests whose every verdict is right, and what the others said."""
    points, problems = 0.0, []
    for test in question.tests:
        said = [in_short(verdict, question.name) for verdict in wrong(test, verdicts)]
        if not said:
            points += test.points
        problems += said
    return points, list(dict.fromkeys(problems))


def wrong(test: Case, verdicts: dict) -> list[str]:
    """What was said of all that is not right. A test stops there, and asks for nothing more."""
    found, why = [], "was not answered"
    for asked in test.asks:
        name = asked[1]
        right, verdict = verdicts.get(asked, (False, f"{name}: {why}"))
        if not right:
            found.append(verdict)
            if asked in verdicts:
                why = f"not asked, because {name} is not right"
    return found


def in_short(verdict: str, question: str) -> str:
    """What is wrong, and its cause if known; without inputs, answers and the question itself."""
    first, *rest = verdict.splitlines()
    causes = [line for line in rest if line.startswith((KNOWN, GUESS))]
    return " ".join([first.removeprefix(f"{question}: "), *causes])


def sealed(folder: Path) -> Path:
    """What stands in the place of the package, in a folder far from the lab's source."""
    made = folder / "sealed"
    shutil.copytree(LAB / "sealed", made, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "rlhf_lab" / "checks" / "gradients.py", made / "rlhf_lab" / "checks")
    return made


def run_otter(folder: Path, limits: Limits) -> str:
    """Otter on the notebook in a folder, in processes that end; what it printed."""
    environment = {
        "PATH": f"{limits.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "work"),
        "TMPDIR": str(folder / "work"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": str(sealed(folder)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RLHF_LAB_REFEREE": str(folder / "referee"),
    }
    command = [limits.python, OTTER, "submission.ipynb", "autograder.zip", ".", limits.cell]
    log = folder / "log.txt"
    with log.open("wb") as printed:
        otter = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            otter.wait(timeout=limits.submission)
        except subprocess.TimeoutExpired as error:
            words = f"did not end within {limits.submission} s: an endless loop?"
            raise NotGradedError("too long", words) from error
        finally:
            end_all(environment["RLHF_LAB_REFEREE"])
            otter.wait()
    return log.read_text(encoding="utf-8", errors="replace")


def end_all(referee: str) -> None:
    """End every process that this submission started: they all know its referee's address."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("RLHF_LAB_REFEREE") == referee:
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue


def table(grades: list[Grade], release: Release) -> str:
    """The CSV: a row a submission, a column a question."""
    names = [question.name for question in release.questions]
    out_of = sum(question.points for question in release.questions)
    text = io.StringIO()
    rows = csv.writer(text)
    head = ["submission", "points", "out_of", "outcome", "seconds"]
    rows.writerow([*head, *names, "reasons"])
    for made in grades:
        points = [made.points.get(name, 0.0) for name in names]
        row = [as_text(made.submission), sum(points), out_of, made.outcome, made.seconds]
        rows.writerow([*row, *points, as_text(" | ".join(made.reasons))])
    return text.getvalue()


def as_text(words: str) -> str:
    """With a quote before it where a spreadsheet would compute: a student chose the file's name."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@")) else words


def main() -> None:
    """Grade the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, help="default: grades.csv in the folder")
    autograder = ROOT / "dist" / "lab" / "teacher" / "rlhf-lab-autograder.zip"
    parser.add_argument("--autograder", type=Path, default=autograder)
    environment = ROOT / ".venv-lab" / "bin" / "python"
    parser.add_argument("--python", type=Path, default=environment, help="of the lab's environment")
    parser.add_argument("--cell-seconds", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=180, help="limit of one submission")
    parser.add_argument("--jobs", type=int, default=1, help="submissions at a time")
    given = parser.parse_args()
    for path, remedy in ((given.autograder, "make lab-release"), (given.python, "make lab-env")):
        if not path.exists():
            sys.exit(f"{path} is missing: `{remedy}` makes it")
    if not given.folder.is_dir() or not (found := submissions(given.folder)):
        sys.exit(f"{given.folder}: expected a folder with notebooks (.ipynb) or zips in it")
    release = read_release(given.autograder)
    limits = Limits(
        cell=given.cell_seconds,
        submission=given.seconds,
        python=Path(os.path.abspath(given.python)),
    )
    with ThreadPoolExecutor(given.jobs) as pool:
        work = pool.map(lambda path: grade(path, release, limits), found)
        grades = list(tqdm(work, total=len(found), unit="submission"))
    output = given.output or given.folder / "grades.csv"
    others = left_aside(given.folder, output)
    write_whole(output, MARK + table(grades, release))
    print(f"{output}: {len(grades)} submissions")
    for made in grades:
        print(f"  {made.submission:24} {sum(made.points.values()):5.1f}  {made.outcome}")
    if others:
        print(f"left aside: {', '.join(others)}")


if __name__ == "__main__":
    main()
