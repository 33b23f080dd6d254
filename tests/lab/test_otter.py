"""The lab through otter itself. It needs the lab's environment: `make lab-test` makes and uses it.

Where that environment is missing the tests are skipped; with RLHF_LAB_REQUIRE_OTTER=1 they fail.
"""

import csv
import os
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "labs" / "rlhf-lab")]

import grade_lab  # noqa: E402
import make_lab  # noqa: E402
import measure_lab  # noqa: E402
from lab_source import questions, source_notebook, untouched  # noqa: E402

PYTHON = Path(os.environ.get("RLHF_LAB_OTTER", ROOT / ".venv-lab" / "bin" / "python"))
pytestmark = pytest.mark.skipif(
    not PYTHON.exists() and os.environ.get("RLHF_LAB_REQUIRE_OTTER") != "1",
    reason=f"otter-grader is not there ({PYTHON}): `make lab-test` makes its environment",
)
CHEAT = """
try:
    from rlhf_lab.advantages import gae
except ImportError as error:
    print(error)
"""
EDIT = """
import rlhf_lab.checks
import lab_hidden
from otter.execute import Checker

rlhf_lab.checks.check = lab_hidden.judge = lambda *_, **__: "right"
"""
NOT_THERE = "import no_such_module"
ASK_AND_CUT = """
import importlib

with_gradient, judge = grpo_loss, importlib.import_module("lab_" + "hidden").judge


def grpo_loss(**given):
    return with_gradient(**given).item()


try:
    judge("flat", lambda: [False] * 4)
except Exception as error:
    print(error)
"""
LOOPING_FUNCTION = "def gae(rewards, values, mask, gamma, lam):\n    while True:\n        pass"


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    """The lab as it is released, with hidden inputs of its own."""
    folder = tmp_path_factory.mktemp("lab") / "release"
    arguments = ["make_lab.py", "--output", str(folder), "--python", str(PYTHON), "--seed", "5"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", arguments)
        make_lab.main()
    return folder


@pytest.fixture(scope="module")
def rows(release, tmp_path_factory) -> dict[str, dict]:
    """The CSV's rows of five submissions and of five that try something."""
    student = nbformat.read(release / "lab.ipynb", as_version=4)
    folder = tmp_path_factory.mktemp("submissions")
    made = measure_lab.five(student)
    right, end = made["right"], len(made["right"].cells)
    asks = measure_lab.with_cell(right, ASK_AND_CUT, end)
    made |= {
        "asks": measure_lab.with_cell(asks, NOT_THERE, end),
        "cheat": measure_lab.with_cell(student, CHEAT, end),
        "edit": measure_lab.with_cell(student, EDIT, end),
        "loops-in-gae": measure_lab.with_cell(right, LOOPING_FUNCTION, end),
    }
    for name, book in made.items():
        nbformat.write(book, folder / f"{name}.ipynb")
    (folder / "no-notebook.ipynb").write_text("x", encoding="utf-8")
    zipped = release / "teacher" / "rlhf-lab-autograder.zip"
    arguments = ["grade_lab.py", folder, "--python", PYTHON, "--autograder", zipped]
    limits = ["--cell-seconds", "30", "--seconds", "150"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*map(str, arguments), *limits])
        grade_lab.main()
    assert not list(folder.glob(".grades*"))
    with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as text:
        return {row["submission"]: row for row in csv.DictReader(text)}


def points(row: dict) -> float:
    return float(row["points"])


def test_the_right_one_has_full_marks(rows):
    assert (points(rows["right"]), rows["right"]["out_of"]) == (100, "100")
    assert rows["right"]["reasons"] == ""


def test_one_that_is_right_in_part_has_the_points_of_that_part(rows):
    half = questions(source_notebook())[:9]
    assert points(rows["partly"]) == sum(question.points for question in half)
    assert all(float(rows["partly"][question.name]) == question.points for question in half)


def test_the_empty_one_has_nothing(rows):
    assert points(rows["empty"]) == 0
    assert "gae: case 1 of 5: the function returned nothing" in rows["empty"]["reasons"]


def test_an_endless_cell_is_interrupted_and_the_rest_counts(rows):
    assert rows["loop"]["outcome"] == "graded"
    assert points(rows["loop"]) == 100
    assert "longer than 30 s" in rows["loop"]["reasons"]


def test_an_endless_function_loses_its_own_points(rows):
    assert points(rows["loops-in-gae"]) == 92
    assert "gae: case 1 of 5 stopped with TimeoutError" in rows["loops-in-gae"]["reasons"]


def test_a_crash_is_graded_as_such(rows):
    assert (points(rows["crash"]), rows["crash"]["outcome"]) == (0, "crashed")


def test_the_solution_cannot_be_imported(rows):
    assert points(rows["cheat"]) == 0
    assert "imports the solution: rlhf_lab.advantages.gae" in rows["cheat"]["reasons"]


def test_edited_checks_give_no_points(rows):
    assert points(rows["edit"]) == 0
    assert "edits the checks: rlhf_lab.checks.check" in rows["edit"]["reasons"]
    assert "the referee did not confirm" in rows["edit"]["reasons"]


def test_a_loss_without_a_gradient_and_a_question_asked_before_lose_their_points(rows):
    assert points(rows["asks"]) == 100 - 8 - 4
    reasons = rows["asks"]["reasons"].split(" | ")
    assert "flat: the notebook itself asked the hidden tests" in reasons
    assert "imports no_such_module, which is not there while grading" in reasons
    (cut,) = [reason for reason in reasons if reason.startswith("grpo_loss: ")]
    assert "has no gradient" in cut


def test_what_is_no_notebook_does_not_stop_the_others(rows):
    assert rows["no-notebook"]["outcome"] == "unreadable"
    assert len(rows) == 10


def test_students_get_no_solution_and_no_hidden_test(release, tmp_path):
    with zipfile.ZipFile(release / "rlhf-lab-student.zip") as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    assert make_lab.leaks(tmp_path, questions(source_notebook())) == []
    assert "rlhf-lab/lab.ipynb" in names
    assert not any("hidden" in name for name in names)


def test_otter_strips_what_we_say_it_strips(release):
    got = nbformat.read(release / "lab.ipynb", as_version=4).cells
    cells = [
        untouched(cell) for question in questions(source_notebook()) for cell in question.cells
    ]
    assert [cell for cell in cells if cell not in [made.source for made in got]] == []
