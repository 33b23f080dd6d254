"""Every exercise of the book: its form, its hints, its solution, and a check where it is code.

CONTRIBUTING.md describes the form.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from right_functions import right_function

from rlhf_lab.checks import check
from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.models import tiny_gpt2

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = [
    "rl",
    "alignment",
    "rl-for-alignment",
    "feedback",
    "reward-models",
    "rlhf",
    "ppo",
    "dpo",
    "grpo",
    "what-next",
]
KINDS = {"Derive", "Implement", "Predict, then run", "Find the bug"}
HEAD = re.compile(
    r"\*\*(?P<kind>Derive|Implement|Predict, then run|Find the bug|Explain)\*\* · "
    r"(?P<level>easy|medium|hard) · (?P<minutes>\d+) minutes · \*(?P<purpose>[^*\n]{15,}\.)\*\n\n\S"
)
EXERCISE = re.compile(r"^````\{exercise\} \S[^\n]*\n:label: (\S+)\n(.*?)^````$", re.M | re.S)
HINT = re.compile(r"^```\{admonition\} Hint (\d)\n:class: tip dropdown\n\S.*?^```$", re.M | re.S)
SOLUTION = r"^````\{{solution\}} {label}\n:class: dropdown\n(.*?)^````$"
VERDICT = re.compile(r"verdict\(\s*\"(\w+)\", (\w+)\s*\)")
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
MUST_BE_ASKED = {
    "response_logprobs",
    "response_mask",
    "k1",
    "k2",
    "k3",
    "gae",
    "whiten",
    "clipped_surrogate",
    "clipped_value_loss",
    "adapted_kl_coef",
    "doubled_or_halved",
    "ranking_loss",
    "dpo_loss",
    "dpo_gradient",
    "best_of_n",
    "group_outcome_advantages",
    "group_process_advantages",
    "grpo_loss",
}


@dataclass(frozen=True)
class Found:
    """An exercise as it stands on its page, with its solution and the text between them."""

    page: str
    label: str
    body: str
    between: str
    solution: str

    @property
    def kind(self) -> str:
        return HEAD.match(self.body)["kind"] if HEAD.match(self.body) else ""


def exercises_of(page: str, text: str) -> list[Found]:
    """Every exercise of a page; one without a solution has the solution ""."""
    found = []
    for match in EXERCISE.finditer(text):
        label, body = match.groups()
        solution = re.search(SOLUTION.format(label=re.escape(label)), text, re.M | re.S)
        between = text[match.end() : solution.start()] if solution else ""
        found.append(Found(page, label, body, between, solution[1].strip() if solution else ""))
    return found


def complaints(exercise: Found) -> list[str]:
    """What an exercise lacks."""
    hints = [int(number) for number in HINT.findall(exercise.body)]
    found = []
    if not HEAD.match(exercise.body):
        found.append("its first line is not: kind, difficulty, minutes, purpose")
    if len(hints) < 2 or hints != list(range(1, len(hints) + 1)):
        found.append(f"it needs hints 1, 2, ..., got {hints}")
    if not exercise.solution:
        found.append("it has no solution behind a toggle")
    return found


PAGES = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("chapters/*.md")}
ALL = [found for page, text in sorted(PAGES.items()) for found in exercises_of(page, text)]
ASKED = {
    (found.label, name): (found, function)
    for found in ALL
    for name, function in VERDICT.findall(found.between)
}


def test_every_exercise_is_seen():
    """None escapes by being written in another way."""
    for page, text in PAGES.items():
        number = len(re.findall(r"^`{3,}\{exercise", text, re.M))
        assert number == sum(found.page == page for found in ALL), page


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.label)
def test_an_exercise_has_purpose_difficulty_minutes_hints_and_a_solution(found: Found):
    assert complaints(found) == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_has_one_of_each_kind(page: str):
    assert {found.kind for found in ALL if found.page == page} >= KINDS


def test_a_page_may_lack_nothing_of_the_form():
    """The rule above fails where it should."""
    whole = next(found for found in ALL if found.label == "ex-rl-implement")
    text = PAGES["rl"]
    for part in (" · easy · 10 minutes", "Hint 2", "````{solution} ex-rl-implement"):
        assert part in text
        broken = exercises_of("rl", text.replace(part, "lost"))
        assert complaints(next(found for found in broken if found.label == whole.label))
    assert complaints(whole) == []


@pytest.mark.parametrize("found", [f for f in ALL if f.kind == "Implement"], ids=lambda f: f.label)
def test_what_is_to_be_implemented_is_checked(found: Found):
    """By a check of the reader's function, or by an assertion below the solution."""
    text = PAGES[found.page]
    below = text[text.index(f"{{solution}} {found.label}\n") :].partition("{exercise}")[0]
    assert VERDICT.search(found.between) or re.search(r"^ *assert ", below, re.M)


@pytest.mark.parametrize(("label", "name"), ASKED, ids=lambda x: x)
def test_a_printed_solution_passes_the_check(label: str, name: str):
    found, function = ASKED[label, name]
    space = {"torch": torch}
    exec(PYTHON.search(found.solution)[1], space)
    assert "right on" in check(exercises[name], space[function], seed=11)


def test_the_printed_loss_of_grpo_has_a_gradient_whatever_stands_at_padding():
    found, function = ASKED["ex-grpo-loss", "grpo_loss"]
    space = {"torch": torch}
    exec(PYTHON.search(found.solution)[1], space)
    given = exercises["grpo_loss"].inputs(torch.Generator().manual_seed(0))
    given["logprobs"] = torch.where(given["mask"], given["logprobs"], 1e4).requires_grad_()
    space[function](**given).backward()
    assert given["logprobs"].grad.isfinite().all()


def test_each_part_of_the_algorithms_is_asked_for():
    assert {name for _, name in ASKED} >= MUST_BE_ASKED


@pytest.fixture(scope="module")
def transformers_imported():
    """The first model of a process takes seconds, whoever makes it."""
    tiny_gpt2(5, layers=1, width=4, heads=1, context=4, seed=0)


@pytest.mark.usefixtures("transformers_imported")
@pytest.mark.parametrize("exercise", exercises.values(), ids=exercises)
def test_a_check_takes_two_seconds_at_most(exercise):
    start = time.process_time()
    check(exercise, right_function(exercise))
    assert time.process_time() - start < 2
