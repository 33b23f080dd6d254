"""Displayed formulas: each says how it was checked, and those of the notes all stand in the book.

What a derivation prints is checked line by line; a formula that an author typed is compared with
the derivation that its row of chapters/formulas.yml names, where both are written alike.
"""

import re
from importlib import import_module
from pathlib import Path

import pytest
from rlhf_book.formula_ledger import FormulasError, read_formulas, result_anchor

from rlhf_lab.derivation_tables import one_result
from rlhf_lab.derivations import dpo
from rlhf_lab.derivations.checker.printing import Latex

ROOT = Path(__file__).resolve().parent.parent
LEDGER = read_formulas(ROOT / "chapters" / "formulas.yml", ROOT)
FORMULA = re.compile(r"^[ ]*\$\$[ ]*\n(.*?)\n[ ]*\$\$[ ]*(?:\(([\w-]+)\))?[ ]*$", re.M | re.S)
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "chapters").glob("*.md")}
SHOWN = [(page, *found) for page, text in PAGES.items() for found in FORMULA.findall(text)]

# The displayed formulas of the notes, as the ledger of claims lists them: number, what the notes
# print, and the label of the formula or the derivation that a cell shows, with its page.
NOTE = r"^\| (\d+) \| ([^|]+) \| (?:\{eq\})?`([\w.-]+)` on \{doc\}`([\w-]+)` \|$"
NOTES = re.findall(NOTE, PAGES["claims"], re.M)

# Formulas that hold a line of a derivation, symbol for symbol: label, derivation, line.
WRITTEN_ALIKE = (
    ("eq-rm-bradley-terry", "bradley_terry.sigmoid_form", 1),
    ("eq-rm-bradley-terry", "bradley_terry.sigmoid_form", 4),
    ("eq-rlhf-objective", "rlhf_objective.three_forms", 1),
    ("eq-ppo-ratio", "surrogate.ratio_from_logs", 2),
    ("eq-ppo-gae", "n_step_advantages.exponential_mean", 3),
    ("eq-ppo-clip", "clipping.good_above", 1),
    ("eq-dpo-optimum", "optimal_policy.closed_form", 8),
    ("eq-dpo-loss", "dpo.loss", 2),
    ("eq-grpo-k3", "kl_estimators.k3_is_never_negative", 2),
)
# What only one of the two writes: sizes of brackets, grouping, the index of time, arguments.
LAYOUT = re.compile(
    r"\\(?:left|right|middle|[bB]igg?|q?quad|,|;|!| )(?![a-z])"
    r"|\\(?:begin|end)\{aligned\}|\\\\|[\s&{}()\[\]]"
)
SPELLING = (
    (r"\mid", "|"),
    (r"\Vert", r"\|"),
    (r"_{o_{i,t}}", ""),
    ("o_i,t", ""),
    ("a_t|s_t", "a|s"),
    (r"y|x", ""),
    (r"\cdot|x", ""),
    ("T-t-1", "n-1"),
    (r"_\phi", ""),
    (r"\hatA_t", "A"),
    (r"\hatA", "A"),
    (r"\rho_t", r"\rho"),
    (r"\rho_\theta", r"\rho"),
    (r"\pi_\theta", r"\pi"),
)


def symbols(latex: str) -> str:
    """The symbols of a formula in their order."""
    found = LAYOUT.sub("", latex)
    for written, meant in SPELLING:
        found = found.replace(written, meant)
    return found


def result(name: str):
    """A derivation by module.function."""
    module, _, function = name.partition(".")
    return getattr(import_module(f"rlhf_lab.derivations.{module}"), function)()


def test_every_displayed_formula_says_how_it_was_checked():
    unmarked = [(page, latex) for page, latex, label in SHOWN if label not in LEDGER]
    assert unmarked == []
    assert LEDGER.keys() <= {label for _, _, label in SHOWN}


def test_no_formula_is_displayed_in_another_way():
    """One way to write them, so that none escapes: two dollar signs on lines of their own."""
    for page, text in PAGES.items():
        assert text.count("$$") == 2 * len(FORMULA.findall(text)), page
        assert not re.search(r"^\s*(?:`{3,}\{math\}|\\begin)", FORMULA.sub("", text), re.M), page


def test_the_notes_have_nineteen_displayed_formulas():
    assert [int(number) for number, *_ in NOTES] == list(range(1, 20))


@pytest.mark.parametrize(("number", "printed", "name", "page"), NOTES)
def test_every_displayed_formula_of_the_notes_stands_in_the_book(number, printed, name, page):
    if name in LEDGER:
        assert (page, name) in [(where, label) for where, _, label in SHOWN]
        return
    function = name.partition(".")[2]
    cells = "".join(re.findall(r"^```\{code-cell\}.*?^```", PAGES[page], re.M | re.S))
    assert re.search(rf"\b{re.escape(name)}\(\)", cells), f"{page} shows no {name}"
    assert result(name).lines, function


@pytest.mark.parametrize(("label", "name", "number"), WRITTEN_ALIKE)
def test_a_typed_formula_is_the_line_that_was_derived(label, name, number):
    [latex] = [latex for _, latex, found in SHOWN if found == label]
    assert name in LEDGER[label]["derivation"]
    derived = Latex().doprint(result(name).lines[number - 1].expression)
    assert symbols(derived).lstrip("-") in symbols(latex)  # a mean may stand behind the sign


def test_a_mark_leads_to_the_result_on_the_page_of_derivations():
    assert f'<details id="{result_anchor("dpo.loss")}">' in one_result(dpo.loss)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("eq-a: {}", "expected one or more of derivation, exact, golden, definition"),
        ("eq-a: {proof: [dpo.loss]}", "expected one or more of"),
        ("eq-a: {derivation: dpo.loss}", "derivation should be a list of names"),
        ("eq-a: {derivation: [dpo.lost]}", "eq-a: no derivation dpo.lost"),
        ("eq-a: {derivation: [derivation.begin]}", "no derivation derivation.begin"),
        ("eq-a: {exact: ['tests/test_kl.py::test_nothing']}", "no test tests/test_kl.py::test_no"),
        ("eq-a: {golden: ['rlhf_lab/kl.py::k3']}", "no test rlhf_lab/kl.py::k3"),
        ("eq-a: {definition: ''}", "definition should be a sentence"),
        ("[eq-a]", "expected labels with their checks"),
    ],
)
def test_a_bad_row_is_explained(row, complaint, tmp_path):
    path = tmp_path / "formulas.yml"
    path.write_text(row)
    with pytest.raises(FormulasError, match=re.escape(complaint)):
        read_formulas(path, ROOT)
