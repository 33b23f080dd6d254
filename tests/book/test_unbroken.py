"""Formulas in a line of text, and the signs that may not be parted from them."""

import pytest
from docutils import nodes
from rlhf_book.unbroken import hold_together

FORMULA = nodes.math("x", "x")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("towards ", ". Then", ["towards ", ["x", "."], " Then"]),
        ("a line (", ") ends", ["a line ", ["(", "x", ")"], " ends"]),
        ("the “", "”, twice", ["the ", ["“", "x", "”,"], " twice"]),
        ("say (", " or", ["say ", ["(", "x"], " or"]),
        ("of ", " and", ["of ", "x", " and"]),
    ],
)
def test_signs_stay_with_the_formula_that_they_touch(before: str, after: str, expected: list):
    line = nodes.paragraph("", "", nodes.Text(before), FORMULA.deepcopy(), nodes.Text(after))
    hold_together(line[1])
    found = [
        [part.astext() for part in node if part.astext()]
        if isinstance(node, nodes.inline)
        else node.astext()
        for node in line
    ]
    assert found == expected


def test_a_formula_alone_or_beside_other_nodes_is_left_as_it_is():
    alone = nodes.paragraph("", "", FORMULA.deepcopy())
    beside = nodes.paragraph("", "", nodes.strong("", "a."), FORMULA.deepcopy())
    for line in (alone, beside):
        hold_together(line[-1])
        assert isinstance(line[-1], nodes.math)
