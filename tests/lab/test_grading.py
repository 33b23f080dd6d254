"""Grading without otter: the referee, what a notebook tries, and which points are confirmed."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "labs" / "rlhf-lab")]

import grade_lab  # noqa: E402
import lab_hidden  # noqa: E402
from lab_referee import Referee  # noqa: E402
from lab_screening import clean_copy, imports, is_of_this_lab  # noqa: E402
from lab_source import Case, Question  # noqa: E402

FAR = """
import torch
from lab_hidden import judge
from rlhf_lab.checks import CheckFailedError, check
from rlhf_lab.checks.catalogue import exercises
import rlhf_lab.checks

rlhf_lab.checks.SECONDS = 1

def whiten(x, mask):
    return torch.where(mask, (x - x[mask].mean()) / x[mask].std(), 0.0)

def dpo_loss(policy, reference, masks, beta):
    chosen, rejected = beta * torch.where(masks, policy - reference, 0.0).sum(dim=-1)
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()

def said(how, *what):
    try:
        return how(*what)
    except CheckFailedError as refusal:
        return str(refusal)

def changes(scores):
    scores[0, 0] = 9.0
    return scores.argmax(dim=1)

def loops(scores):
    while True:
        pass

print(said(check, exercises["whiten"], whiten))
print(said(judge, "whiten", whiten))
print(said(judge, "gae", lambda rewards, values, mask, gamma, lam: rewards))
print(said(check, exercises["best_of_n"], changes))
print(said(judge, "best_of_n", loops))
print(said(check, exercises["k1"], lambda **_: object()))
print(said(check, exercises["k2"], lambda **_: 1 / 0))
print(said(judge, "biased", lambda: "k2"))
print(said(judge, "flat", lambda: torch.ones(4)))
print(said(check, exercises["dpo_loss"], dpo_loss))
print(said(judge, "dpo_loss", lambda **given: dpo_loss(**given).item()))
print(said(judge, "larger_beta", lambda: "higher"))
print(said(judge, "larger_beta", lambda: "lower"))
print(said(check, exercises["grpo_loss"], None))
print(said(judge, "grpo_loss", None))
"""


@pytest.fixture(scope="module")
def far(tmp_path_factory) -> tuple[str, dict]:
    """What a process that knows nothing prints, and what the referee remembers."""
    folder = tmp_path_factory.mktemp("far")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "PYTHONPATH": str(grade_lab.sealed(folder)),
        "RLHF_LAB_REFEREE": str(folder / "referee"),
        "OMP_NUM_THREADS": "1",
    }
    with Referee(folder / "referee", lab_hidden.hidden, lab_hidden.SEED) as referee:
        command = [sys.executable, "-c", FAR]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, referee.verdicts


def test_the_referee_judges_a_function_of_another_process(far):
    printed, verdicts = far
    assert "whiten: right on 5 random inputs" in printed
    assert "dpo_loss: right on 5 random inputs" in printed
    for asked in (("hidden", "whiten"), ("public", "whiten"), ("public", "dpo_loss")):
        assert verdicts[asked][0]


def test_the_referee_asks_for_gradients_too(far):
    right, verdict = far[1]["hidden", "dpo_loss"]
    assert not right
    assert "its gradient in policy: case 1 of 5" in verdict
    assert "has no gradient" in verdict


def test_a_hidden_question_is_answered_once(far):
    verdict = (False, "larger_beta: the notebook itself asked the hidden tests")
    assert far[1]["hidden", "larger_beta"] == verdict


def test_a_notebook_learns_no_hidden_answer(far):
    printed = far[0].splitlines()
    assert {"whiten: right", "gae: not right", "larger_beta: not right"} <= set(printed)
    assert "is not right for" not in far[0]


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("hidden", "gae", "gae: case 1 of 5: the answer is off by up to"),
        ("public", "best_of_n", "an argument was changed in place"),
        ("hidden", "best_of_n", "TimeoutError: no answer after 1 s: is there an endless loop?"),
        ("public", "k1", "expected a tensor or a number, got object"),
        ("public", "k2", "ZeroDivisionError: division by zero"),
        ("hidden", "flat", "is not right for the terms that are flat"),
        ("public", "grpo_loss", "grpo_loss: is not defined: its cell is missing or did not run"),
        ("hidden", "grpo_loss", "grpo_loss: is not defined: its cell is missing or did not run"),
    ],
)
def test_the_referee_says_what_is_wrong(far, kind, name, words):
    printed, verdicts = far
    right, verdict = verdicts[kind, name]
    assert not right
    assert words in verdict
    assert (verdict if kind == "public" else f"{name}: not right") in printed


def test_a_right_choice_is_right(far):
    assert far[1]["hidden", "biased"][0]


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook of this lab with these cells."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["otter"] = {"assignment_name": "rlhf-lab"}
    return book


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("from rlhf_lab.advantages import gae", "imports the solution: rlhf_lab.advantages.gae"),
        ("from rlhf_lab import losses", "imports the solution: rlhf_lab.losses"),
        ("import rlhf_lab.museum.kl as m", "imports the solution: rlhf_lab.museum.kl"),
        ("__import__('rlhf_lab.kl')", "imports the solution: rlhf_lab.kl"),
        ("import lab_hidden", "imports the hidden tests: lab_hidden"),
        ("gae = exercises['gae'].truth", "looks at what the checks compare with: .truth"),
        (
            "import rlhf_lab\nrlhf_lab.checks.check = print",
            "edits the checks: rlhf_lab.checks.check",
        ),
        ("exercises['gae'] = exercises['k1']", "edits the checks: exercises['gae'] = ..."),
        ("check = print", "edits the checks: check = ..."),
        ("def check(*_, **__): return 'right'", "edits the checks: defines check anew"),
        ("!pip install rlhf-lab", "a command was not run: !pip install rlhf-lab"),
        ("%%bash\nls", "a command was not run: %%bash"),
        ("names = !ls", "a command was not run: names = !ls"),
        ("%%time\nx = 1", "a command was not run: %%time"),
        ("def f(:\n", "code cell 1 is not plain Python"),
    ],
)
def test_what_a_notebook_tries_is_said(code, note):
    notes = clean_copy(notebook(code))[1]
    assert len(notes) == 1
    assert note in notes[0]


def test_an_honest_notebook_gets_no_remark_and_loses_nothing_but_metadata():
    honest = "from rlhf_lab.checks import CheckFailedError, check\nx = 5 % 3\nx %= 2"
    honest += "\nif x != 1:\n    print(f'{x=!r}')"
    book = notebook(honest)
    book.cells[0].metadata["tags"] = ["otter_ignore"]
    clean, notes = clean_copy(book)
    assert notes == []
    assert [cell.source for cell in clean.cells] == [honest]
    assert clean.cells[0].metadata == {}


def test_a_cell_that_is_timed_is_run():
    clean, _ = clean_copy(notebook("%%time\ndef f():\n    return 1", "%%bash\nls"))
    assert [cell.source for cell in clean.cells] == ["pass\ndef f():\n    return 1", "pass"]


def test_a_module_that_is_not_there_is_named():
    book = notebook("import torch\nimport no_such_module.part as m", "from os import path\n", "(")
    assert imports(book) == {"torch", "no_such_module", "os"}
    assert grade_lab.missing(imports(book), Path(sys.executable)) == ["no_such_module"]


def test_the_notebook_of_this_lab_is_known_without_its_mark():
    book, names = notebook("def gae(rewards):\n    ..."), {"gae"}
    assert is_of_this_lab(book, names)
    book.metadata["otter"] = {"assignment_name": "another"}
    assert not is_of_this_lab(book, names)
    del book.metadata["otter"]  # as after a round through Colab
    assert is_of_this_lab(book, names)
    assert not is_of_this_lab(book, {"whiten"})


QUESTION = Question(
    name="gae",
    text="",
    cells=(),
    tests=(
        Case(source='check(exercises["gae"], gae)', hidden=False, points=3),
        Case(source='judge("gae", gae)', hidden=True, points=5),
    ),
)


def test_only_confirmed_tests_give_points():
    right, wrong = (True, "gae: right"), (False, "gae: case 1 of 5: off by 2\n  x = 3\nexpected")
    both = {("public", "gae"): right, ("hidden", "gae"): right}
    assert grade_lab.confirmed_points(QUESTION, both) == (8, [])
    one = grade_lab.confirmed_points(QUESTION, both | {("hidden", "gae"): wrong})
    assert one == (3, ["case 1 of 5: off by 2"])
    assert grade_lab.confirmed_points(QUESTION, {}) == (0, ["was not answered"])


ESTIMATORS = Question(
    name="estimators",
    text="",
    cells=(),
    tests=(
        Case(
            source='check(exercises["k1"], k1)\ncheck(exercises["k2"], k2)', hidden=False, points=2
        ),
        Case(source='judge("k1", k1)\njudge("k2", k2)\njudge("k3", k3)', hidden=True, points=4),
    ),
)


def test_what_was_not_asked_is_not_called_wrong_and_keeps_its_name():
    wrong, right = (False, "k1: case 1 of 5: off by 2\n  x = 3"), (True, "k1: right")
    points, said = grade_lab.confirmed_points(
        ESTIMATORS, {("public", "k1"): wrong, ("hidden", "k1"): wrong}
    )
    assert points == 0
    assert said == [
        "k1: case 1 of 5: off by 2",
        "k2: not asked, because k1 is not right",
        "k3: not asked, because k1 is not right",
    ]
    _, said = grade_lab.confirmed_points(ESTIMATORS, {("public", "k1"): right})
    assert said == ["k2: was not answered", "k1: was not answered", "k3: was not answered"]


def test_a_name_is_no_formula_of_a_spreadsheet():
    release = grade_lab.Release(questions=[QUESTION], autograder=b"", hidden={}, seed=0)
    made = [grade_lab.Grade(submission=name) for name in ("=1+1", "anna")]
    rows = grade_lab.table(made, release).splitlines()
    assert [row.partition(",")[0] for row in rows] == ["submission", "'=1+1", "anna"]


def test_a_short_reason_keeps_the_cause():
    verdict = (
        "gae: case 1 of 5: off by 2\n  x = 3\n  got: 1\nMost likely: The sign is turned round."
    )
    assert grade_lab.in_short(verdict, "gae") == (
        "case 1 of 5: off by 2 Most likely: The sign is turned round."
    )


def test_what_is_no_submission_is_named_and_the_csv_opens_in_excel(tmp_path, monkeypatch, capsys):
    for name in ("müller.ipynb", "fritz.py", "gerd.pdf", ".DS_Store", "release.zip"):
        (tmp_path / name).write_text("", encoding="utf-8")
    release = grade_lab.Release(questions=[QUESTION], autograder=b"", hidden={}, seed=0)
    monkeypatch.setattr(grade_lab, "read_release", lambda path: release)
    monkeypatch.setattr(grade_lab, "grade", lambda path, *_: grade_lab.Grade(submission=path.stem))
    arguments = ["grade_lab.py", tmp_path, "--autograder", tmp_path / "release.zip"]
    monkeypatch.setattr(sys, "argv", [*map(str, arguments), "--python", sys.executable])
    for _ in range(2):  # the second time its own CSV lies there
        grade_lab.main()
        assert capsys.readouterr().out.splitlines()[-1] == "left aside: fritz.py, gerd.pdf"
    content = (tmp_path / "grades.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfsubmission,points")
    assert "müller" in content.decode("utf-8-sig")


def test_a_submission_is_one_notebook_and_the_rest_is_left_aside(tmp_path):
    text = nbformat.writes(notebook("x = 1"))
    with zipfile.ZipFile(tmp_path / "ada.zip", "w") as archive:
        archive.writestr("ada/lab.ipynb", text)
        archive.writestr("ada/rlhf_lab/checks/__init__.py", "")
    book, notes = grade_lab.opened(tmp_path / "ada.zip")
    assert book.cells[0].source == "x = 1"
    assert notes == ["left aside: ada/rlhf_lab/checks/__init__.py"]


def test_a_working_folder_is_one_notebook(tmp_path):
    """Zipped as Jupyter leaves it, or in the folder of a course system."""
    text = nbformat.writes(notebook("x = 1"))
    folder = tmp_path / "ada_1234_file"
    folder.mkdir()
    with zipfile.ZipFile(folder / "ada.zip", "w") as archive:
        archive.writestr("rlhf-lab/lab.ipynb", text)
        archive.writestr("rlhf-lab/.ipynb_checkpoints/lab-checkpoint.ipynb", text)
        archive.writestr("__MACOSX/rlhf-lab/._lab.ipynb", "")
    for path in (folder / "ada.zip", folder):
        book, notes = grade_lab.opened(path)
        assert (book.cells[0].source, notes) == ("x = 1", [])


def test_a_notebook_with_ids_in_an_older_format_is_read(tmp_path):
    book = json.loads(nbformat.writes(notebook("x = 1"))) | {"nbformat_minor": 4}
    assert "id" in book["cells"][0]
    (tmp_path / "ada.ipynb").write_text(json.dumps(book), encoding="utf-8")
    assert grade_lab.opened(tmp_path / "ada.ipynb")[0].cells[0].source == "x = 1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bad.ipynb", b"{", "is not a notebook"),
        ("bad.ipynb", b"\xff\xfe", "is not a notebook"),
        ("bad.ipynb", json.dumps({"cells": 3}).encode(), "is not a notebook"),
        ("bad.zip", b"PK", "cannot be opened"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(grade_lab.NotGradedError) as problem:
        grade_lab.opened(tmp_path / name)
    assert problem.value.args[0] == "unreadable"
    assert words in problem.value.args[1]


def test_the_table_has_a_row_a_submission_and_a_column_a_question():
    release = grade_lab.Release(questions=[QUESTION], autograder=b"", hidden={}, seed=0)
    made = grade_lab.Grade(submission="ada", points={"gae": 3.0}, reasons=["a, b", "c"])
    lost = grade_lab.Grade(submission="bo", outcome="too long")
    rows = grade_lab.table([made, lost], release).splitlines()
    assert rows[0] == "submission,points,out_of,outcome,seconds,gae,reasons"
    assert rows[1] == 'ada,3.0,8,graded,0.0,3.0,"a, b | c"'
    assert rows[2] == "bo,0.0,8,too long,0.0,0.0,"
