"""The page of derivations: nothing of the catalogue is missing, and claims can be linked."""

import pytest
from bs4 import BeautifulSoup
from sympy import symbols

from rlhf_lab import derivation_tables, mutation_tables
from rlhf_lab.derivations import catalogue, gibbs, notes, optimal_policy
from rlhf_lab.derivations.checker.tally import Tally
from rlhf_lab.derivations.derivation import begin
from rlhf_lab.html_tables import table, worded
from rlhf_lab.mutation_record import recorded

LINE_4 = "Gibbs' inequality, line 4: p for q(y)"
TALLIES = [
    Tally(
        name="Gibbs' inequality",
        lines=5,
        mutants={"sign": 3, "factor": 2},
        with_values=4,
        accepted=(LINE_4,),
        bounds=0,
    ),
    Tally(name="a < b", lines=2, mutants={"sign": 1}, with_values=1, accepted=(), bounds=0),
]


def parsed(html):
    return BeautifulSoup(html, "html.parser")


def cells(html):
    return [[cell.text for cell in row.find_all(["th", "td"])] for row in parsed(html)("tr")]


def test_every_result_stands_under_its_topic(monkeypatch):
    topics = {"Divergence": (gibbs,), "Optimal policy": (optimal_policy,)}
    monkeypatch.setattr(catalogue, "TOPICS", topics)
    page = parsed(derivation_tables.all_results())
    assert [heading.text for heading in page("h3")] == list(topics)
    names = [fold.summary.strong.text for fold in page("details")]
    assert names == [make().name for make in (*gibbs.RESULTS, *optimal_policy.RESULTS)]
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(set(ids)) == len(ids)


def test_a_result_shows_its_sentence_its_claims_its_evidence_and_its_lines():
    fold = parsed(derivation_tables.one_result(gibbs.gibbs))
    assert fold.summary.text == (
        "Gibbs' inequality. KL[p ‖ q] ≥ 0, and 0 only where p(y) = q(y) for every y."
    )
    assert [span["data-claim"] for span in fold.find_all(attrs={"data-claim": True})] == ["DPO-16"]
    assert "Lines: 1 given, 3 proved, 1 by lemma." in fold.p.text
    assert fold.code.text == "gibbs.gibbs()"
    assert len(fold.find_all("li")) == 5


def test_the_refusal_of_a_printed_error_shows_a_point_and_both_values(monkeypatch):
    monkeypatch.setattr(notes, "REFUSED", {"DPO-15": (notes.log_partition_dropped,)})
    page = parsed(derivation_tables.refusals())
    assert page.p.text.startswith("DPO-15, lines 6 and 7 as printed")
    assert "log Z dropped, line 2 (the notes: an equals sign): the two sides diff" in page.code.text
    monkeypatch.setattr(notes, "REFUSED", {"DPO-15": (gibbs.gibbs,)})
    with pytest.raises(ValueError, match="gibbs is printed wrongly in the notes, but accepted"):
        derivation_tables.refusals()


def test_sampled_lines_are_found():
    t = symbols("t", positive=True)
    root = begin("root", (t**2 + 2 * t + 1) ** 0.5).rewrite(t + 1, "the root of a square")
    [(name, number, line)] = derivation_tables.sampled_lines([gibbs.gibbs(), root])
    assert (name, number, line.reason) == ("root", 2, "the root of a square")
    assert derivation_tables.evidence([root]) == {"given": 1, "sampled": 1}


def test_the_report_adds_up():
    record = recorded(TALLIES)
    assert cells(mutation_tables.by_result(record)) == [
        ["result", "lines", "altered", "refused", "with values", "equivalent"],
        ["Gibbs' inequality", "5", "5", "4", "4", "1"],
        ["a < b", "2", "1", "1", "1", "0"],
        ["all", "7", "6", "5", "5", "1"],
    ]
    assert cells(mutation_tables.by_kind(record))[1:] == [["sign", "4"], ["factor", "2"]]


def test_what_was_accepted_stands_under_its_reason():
    page = parsed(mutation_tables.equivalents(recorded(TALLIES)))
    assert [code.text for code in page("code")] == [LINE_4]
    assert page.summary.text == f"{catalogue.equivalent()[LINE_4]} (1)"
    strange = Tally(
        name="a", lines=2, mutants={}, with_values=0, accepted=("a, line 2: b",), bounds=0
    )
    with pytest.raises(ValueError, match="without a reason in EQUIVALENT: a, line 2: b"):
        mutation_tables.equivalents(recorded([strange]))


def test_a_table_scrolls_by_keyboard_and_numbers_stand_to_the_right():
    page = parsed(table(("a & b", "n"), [("x", 1), ("y", 2)], label="two"))
    assert page.div["tabindex"] == "0"
    assert page.div["aria-label"] == "two"
    assert [cell["class"] for cell in page("td", class_=True)] == [["number"], ["number"]]
    assert page.th.text == "a & b"


def test_backticks_are_code_and_signs_are_kept():
    assert worded("p < q, see `f_1`") == "p &lt; q, see <code>f_1</code>"
