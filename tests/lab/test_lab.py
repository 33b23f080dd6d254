"""The lab without otter: what its source asks, and what its tests accept and refuse."""

import contextlib
import io
import json
import re
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "labs" / "rlhf-lab")]

import lab_hidden  # noqa: E402
import make_lab  # noqa: E402
import measure_lab  # noqa: E402
from lab_source import questions, refusal, source_notebook, untouched  # noqa: E402

from rlhf_lab.checks.catalogue import exercises  # noqa: E402

BOOK = source_notebook()
QUESTIONS = {question.name: question for question in questions(BOOK)}
FIRST = next(c.source for c in BOOK.cells if c.cell_type == "code" and "def try_out" in c.source)
FUNCTIONS = {
    name: question
    for question in QUESTIONS.values()
    for kind, name in (asked for test in question.tests for asked in test.asks)
    if kind == "public"
}


HIDDEN = {"judge": lab_hidden.judge}


def names_of(cells: list[str]) -> dict:
    """What a notebook of these cells defines; a cell that fails is left, as otter leaves it."""
    names = {}
    for cell in cells:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            exec(cell, names)
    return names


def said(question, names) -> list[str]:
    """What each of a question's tests that gives points says; "" where it passes."""
    return [refusal(t, names, HIDDEN) for t in question.tests if t.points]


@pytest.fixture(scope="module")
def reference() -> dict:
    """The names of the notebook with its solutions."""
    return names_of([FIRST, *(cell for q in QUESTIONS.values() for cell in q.cells)])


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_the_reference_passes(question, reference):
    found = [refusal(test, reference, HIDDEN) for test in question.tests]
    assert found == [""] * len(question.tests)


def test_the_untouched_notebook_gets_nothing():
    cells = [FIRST, *(cell for q in QUESTIONS.values() for cell in q.cells)]
    names = names_of([untouched(cell) for cell in cells])
    passed = [q.name for q in QUESTIONS.values() if not all(said(q, names))]
    assert passed == []


def test_it_has_a_hundred_points_and_takes_about_three_hours():
    minutes = [int(re.search(r"(\d+) minutes", q.text)[1]) for q in QUESTIONS.values()]
    assert sum(question.points for question in QUESTIONS.values()) == 100
    assert 170 <= sum(minutes) <= 200


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_says_what_it_is_for_and_helps(question):
    head = r"^\*Purpose: (.+) Difficulty ([123]) of 3, (\d+) minutes, (\d+) points\.\*$"
    line = re.search(head, question.text, re.M)
    assert line is not None
    assert int(line[4]) == question.points
    assert question.text.count("<details><summary>Hint") >= 1 + (question.points > 4) * 1
    assert any(test.hidden for test in question.tests)
    assert any(not test.hidden for test in question.tests)


def test_the_record_that_the_guide_shows_is_of_this_lab():
    record = json.loads((ROOT / "runs" / "lab.json").read_text(encoding="utf-8"))
    assert record["questions"] == measure_lab.outline()
    assert {
        row["submission"]: (float(row["points"]), row["outcome"]) for row in record["submissions"]
    } == {
        "right": (100, "graded"),
        "partly": (sum(q.points for q in list(QUESTIONS.values())[:9]), "graded"),
        "empty": (0, "graded"),
        "loop": (100, "graded"),
        "crash": (0, "crashed"),
    }


KNOWN = [(name, bug) for name in FUNCTIONS for bug in exercises[name].bugs]


@pytest.mark.parametrize(("name", "bug"), KNOWN, ids=[f"{n}-{b.name}" for n, b in KNOWN])
def test_a_known_mistake_loses_its_points_and_is_named(name, bug, reference):
    found = said(FUNCTIONS[name], reference | {name: bug.function})
    assert all(f"{bug.name}: {bug.says}" in words for words in found)


def test_a_mistake_costs_one_question_only(reference):
    wrong = {name: exercises[name].bugs[0].function for name in ("k3", "clipped_surrogate")}
    lost = [q.name for q in QUESTIONS.values() if any(said(q, reference | wrong))]
    assert lost == ["estimators", "clipped_surrogate"]


@pytest.mark.parametrize(
    ("name", "variable", "answer"),
    [
        ("flat", "flat", torch.tensor([True, False, False, True])),
        ("flat", "flat", (True, False, False, True)),
        ("kl_samples", "can_be_negative", "K1 "),
        ("bandit", "larger_beta", "Lower"),
        *(("bandit", "advantage_of_two", number) for number in (0.70661, 0.70677, 0.70711, 0.707)),
    ],
)
def test_a_right_answer_of_another_form_is_right(name, variable, answer, reference):
    question = QUESTIONS[name]
    found = [refusal(t, reference | {variable: answer}, HIDDEN) for t in question.tests if t.hidden]
    assert found == [""] * len(found)


def test_the_references_loss_of_grpo_has_a_gradient_whatever_stands_at_padding(reference):
    given = lab_hidden.larger_update(torch.Generator().manual_seed(0))
    given["logprobs"] = torch.where(given["mask"], given["logprobs"], 1e4).requires_grad_()
    reference["grpo_loss"](**given).backward()
    assert given["logprobs"].grad.isfinite().all()


@pytest.mark.parametrize("number", [0.71, 0.5, 1.0])
def test_another_advantage_of_two_is_refused(number, reference):
    assert any(said(QUESTIONS["bandit"], reference | {"advantage_of_two": number}))


FORMS = [
    ("kl_samples", "exact", torch.tensor(0.1)),
    ("kl_samples", "biased", "K2"),
    ("flat", "flat", torch.tensor([True, False, False, True])),
    ("dpo_numbers", "factor", torch.tensor(40)),
    ("bandit", "scale_matters", "False"),
    ("bandit", "larger_beta", "Lower"),
    ("bandit", "advantage_of_two", None),
]


@pytest.mark.parametrize(("name", "variable", "answer"), FORMS)
def test_the_notebook_says_when_an_answer_has_another_form(name, variable, answer, reference):
    (cell,) = [cell for cell in QUESTIONS[name].cells if "look_at(" in cell]
    for given, problems in ((reference, 0), (reference | {variable: answer}, 1)):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(cell, dict(given))
        assert printed.getvalue().count("expected ") == problems


# Mistakes that the checks have never seen: what stands in the reference, and what in its place.
UNSEEN = [
    ("response_logprobs", "/ temperature", "/ temperature**2"),
    ("response_logprobs", "log_softmax(dim=-1)", "log_softmax(dim=1)"),
    ("response_logprobs", "ids[:, prompt_length:, None]", "ids[:, prompt_length - 1 : -1, None]"),
    ("response_mask", "- ends == 0", "- ends <= 1"),
    ("response_mask", "cumsum(dim=1)", "cumsum(dim=0)"),
    ("response_mask", "tokens == end_token", "tokens >= end_token"),
    ("estimators", "return policy_logprobs - reference_logprobs", "return policy_logprobs"),
    ("estimators", "** 2 / 2", "** 2 / 4"),
    ("estimators", "log_ratio.expm1() - log_ratio", "log_ratio**2 / 2"),
    ("estimators", "expm1() - log_ratio", "expm1().abs() - log_ratio.abs()"),
    ("adapted_kl_coef", "-0.2)", "-0.1)"),
    ("adapted_kl_coef", "/ target_kl - 1", "/ target_kl"),
    ("adapted_kl_coef", "observed_kl / target_kl - 1", "1 - target_kl / observed_kl"),
    ("whiten", "real.std(), 0.0", "real.std(), x"),
    ("whiten", "/ real.std()", "/ x.std()"),
    ("whiten", "real.mean()", "real.median()"),
    ("gae", "gamma * lam * ahead", "lam * lam * ahead"),
    ("gae", "following = values[:, t]", "following = rewards[:, t]"),
    ("gae", "for x in (rewards, values))", "for x in (rewards, values.clamp(min=0)))"),
    ("gae", "torch.where(mask, x, 0.0)", "x"),
    ("clipped_surrogate", "clamp(1 - epsilon,", "clamp(1 - 2 * epsilon,"),
    ("clipped_surrogate", "1 + epsilon)", "1 / (1 - epsilon))"),
    ("clipped_surrogate", "torch.minimum(ratio", "torch.minimum(ratio.sqrt()"),
    ("clipped_value_loss", "worse[mask].mean()", "worse.mean()"),
    ("clipped_value_loss", "old_values + epsilon", "old_values"),
    ("clipped_value_loss", "(near - returns) ** 2", "(near - values) ** 2"),
    ("ranking_loss", "best_first[:, loser]).mean()", "best_first[:, loser]).sum()"),
    ("ranking_loss", "best_first[:, winner] -", "best_first[:, winner] / 2 -"),
    ("ranking_loss", "offset=1", "offset=0"),
    ("dpo_loss", ".sum(dim=-1)", ".amax(dim=-1)"),
    ("dpo_loss", "chosen - rejected).mean()", "chosen - rejected).sum()"),
    ("dpo_loss", "beta * log_ratios", "beta * log_ratios.clamp(min=0)"),
    ("dpo_gradient", "-beta * torch.sigmoid(beta *", "-beta * torch.tanh(beta *"),
    ("dpo_gradient", "-beta * torch.sigmoid(beta *", "-beta * torch.sigmoid("),
    ("best_of_n", "scores.argmax", "scores.abs().argmax"),
    ("best_of_n", "scores.argmax(dim=1)", "scores.amax(dim=1)"),
    ("group_outcome_advantages", "1e-4", "0.5"),
    ("group_outcome_advantages", "rewards.mean(", "rewards.amin("),
    ("group_outcome_advantages", "rewards.std(dim=1", "rewards.var(dim=1"),
    ("grpo_loss", "- beta * (", "- beta / 2 * ("),
    ("grpo_loss", "/ mask.sum(dim=1)", "/ mask.shape[1]"),
    ("grpo_loss", "logprobs - old_logprobs", "logprobs - reference_logprobs"),
    ("grpo_loss", ".mean()", ".sum()"),
    ("kl_samples", "p * (p / q).log()", "q * (q / p).log()"),
    ("kl_samples", 'biased = "k2"', 'biased = "k3"'),
    ("kl_samples", 'can_be_negative = "k1"', 'can_be_negative = "k2"'),
    ("flat", "[True, False, False, True]", "[True, True, True, True]"),
    ("flat", "[True, False, False, True]", "[False, True, True, False]"),
    ("dpo_numbers", "factor = 40", "factor = 20"),
    ("bandit", '"lower"', '"higher"'),
    ("bandit", "scale_matters = False", "scale_matters = True"),
    ("bandit", "[[5.0, 2.0]]", "[[2.0, 5.0]]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new"), UNSEEN, ids=lambda value: value[:40])
def test_a_mistake_that_nobody_foresaw_loses_points_too(name, old, new, reference):
    question = QUESTIONS[name]
    cell = next(cell for cell in question.cells if old in cell)
    names = dict(reference)
    exec(cell.replace(old, new), names)
    found = said(question, names)
    if len(question.tests) == 2 and question.tests[0].points:
        assert all(found)  # the public test and the hidden one
    assert any(found)


def test_a_surrogate_that_goes_along_one_axis_loses_the_hidden_points(reference):
    """The question asks for arrays of any shape; the check's own answer goes along one axis."""
    along = {"clipped_surrogate": exercises["clipped_surrogate"].truth}
    public, hidden = said(QUESTIONS["clipped_surrogate"], reference | along)
    assert public == ""
    assert "case 1 of 5 stopped with RuntimeError" in hidden


def test_what_students_get_holds_no_solution_and_no_hidden_test(tmp_path):
    cells = [untouched(cell) for question in QUESTIONS.values() for cell in question.cells]
    public = [t.source for q in QUESTIONS.values() for t in q.tests if not t.hidden]
    (tmp_path / "lab.txt").write_text("\n".join([FIRST, *cells, *public]), encoding="utf-8")
    assert make_lab.leaks(tmp_path, list(QUESTIONS.values())) == []
    (tmp_path / "lab.txt").write_text(QUESTIONS["gae"].cells[0], encoding="utf-8")
    assert len(make_lab.leaks(tmp_path, list(QUESTIONS.values()))) == 2


def test_the_site_and_the_notebooks_hold_no_solution_and_no_hidden_test():
    # Whole cells: the book's own exercises ask for some of the same functions, and solve them.
    marks = r"^ *# (?:BEGIN|END) SOLUTION\n"
    cells = [c for q in QUESTIONS.values() for c in q.cells if untouched(c) != c]
    hidden = [t.source.partition("\n")[2] for q in QUESTIONS.values() for t in q.tests if t.hidden]
    secrets = [re.sub(marks, "", cell, flags=re.M) for cell in cells] + hidden
    assert len(secrets) > 35
    secrets += ["# BEGIN SOLUTION", "from lab_hidden"]
    pages = [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "chapters").glob("*.md")]
    built = ROOT / "_build" / "html"
    pages += [p for p in built.rglob("*") if p.suffix in {".html", ".md", ".ipynb", ".txt"}]
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert [secret for secret in secrets if secret in text] == [], page.name
    assert [*built.rglob("lab.md"), *built.rglob("lab_hidden*")] == []


def test_hidden_inputs_have_other_shapes_or_another_seed():
    for name in FUNCTIONS:
        both = (exercises[name], lab_hidden.hidden[name])
        inputs = [exercise.inputs(torch.Generator().manual_seed(0)) for exercise in both]
        assert list(inputs[0]) == list(inputs[1])
        shapes = [[getattr(x, "shape", x) for x in made.values()] for made in inputs]
        assert shapes[0] != shapes[1]


def test_another_seed_is_written_in_one_place():
    text = (ROOT / "labs" / "rlhf-lab" / "lab_hidden.py").read_text(encoding="utf-8")
    assert "\nSEED = 77  #" in make_lab.with_seed(text, 77)
    with pytest.raises(make_lab.ReleaseError, match="must set SEED once"):
        make_lab.with_seed("no seed", 77)
