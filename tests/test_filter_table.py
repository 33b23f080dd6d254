"""The table to filter and compare: everything in it, no kernel, nothing from outside."""

import re

import pytest
from bs4 import BeautifulSoup

from rlhf_lab.filter_table import filter_table

HEAD = ("group", "kind", "for", "against")
ROWS = [
    ("Label", "Rating", "says how much", "<a href='#claim-fb-2'>hard</a>"),
    ("Label", "Thumb", "easy", "says less"),
    ("Source", "Human", "people & values", "slow"),
]


def parsed(rows=ROWS, label="kinds"):
    return BeautifulSoup(filter_table(HEAD, rows, label=label).html(), "html.parser")


def test_every_cell_stands_in_the_page_in_order():
    page = parsed()
    assert [cell.text for cell in page.thead.find_all("th")] == list(HEAD)
    rows = [[cell.text.strip() for cell in row] for row in page.tbody.find_all("tr")]
    assert rows == [[*row[:3], BeautifulSoup(row[3], "html.parser").text] for row in ROWS]
    assert page.find("a")["href"] == "#claim-fb-2"


def test_each_group_can_be_chosen_once():
    assert [option.text for option in parsed().find_all("option")] == ["all", "Label", "Source"]


def test_without_javascript_there_is_no_control():
    page = parsed()
    controls = page.find_all(["select", "input", "output"])
    assert len(controls) == 4 + len(ROWS)
    assert all(c.has_attr("hidden") or c.find_parent(hidden=True) for c in controls)


def test_every_control_and_region_has_a_name():
    page = parsed(label="kinds of 'feedback' & <b>")
    for control in page.find_all(["select", "input"]):
        assert control.find_parent("label").text.strip()
    names = [region["aria-label"] for region in page.find_all(role="group")]
    assert names == [
        f"kinds of 'feedback' & <b>, {end}" for end in ("filter and compare", "scroll sideways")
    ]
    assert page.find("b") is None


def test_it_asks_for_nothing_from_outside_and_has_no_id():
    assert not re.search(r"https?:|src=|\sid=", filter_table(HEAD, ROWS, label="kinds").html())


def test_notebooks_get_html_and_plain_words():
    shown = filter_table(HEAD, ROWS, label="kinds")
    bundle = shown._repr_mimebundle_()
    assert bundle["text/html"] == shown.html()
    assert bundle["text/plain"].splitlines()[1] == "Label | Rating | says how much | hard"


@pytest.mark.parametrize(
    ("head", "rows", "label", "message"),
    [
        (HEAD, ROWS, " ", "label is empty"),
        (HEAD[:2], [row[:2] for row in ROWS], "kinds", "expected three or more columns"),
        (HEAD, ROWS[:1], "kinds", "two or more rows, got 4 and 1"),
        (HEAD, [*ROWS, ("Source", "AI")], "kinds", "row 4 has 2 cells, expected 4"),
        (HEAD, [*ROWS, ROWS[0]], "kinds", "got twice: ['Rating']"),
    ],
)
def test_bad_input_is_named(head, rows, label, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        filter_table(head, rows, label=label)
