"""A result as a LaTeX document: whole, numbered, and of letters that LaTeX knows."""

import re

import pytest

from rlhf_lab.derivations.catalogue import results
from rlhf_lab.derivations.dpo import gradient
from rlhf_lab.derivations.gibbs import gibbs
from rlhf_lab.derivations.latex_document import in_text, latex_document
from rlhf_lab.derivations.optimal_policy import closed_form


def unclosed(latex):
    """The braces, environments and \\left ... \\right that do not match, in order."""
    opened = []
    tokens = r"\\begin\{(\w+\*?)\}|\\end\{(\w+\*?)\}|\\(left|right)\b|\\[\\{}]|([{}])"
    for token in re.finditer(tokens, latex):
        begin, end, delimiter, brace = token.groups()
        opening = begin or (delimiter == "left" and "left") or (brace == "{" and "{")
        closing = end or (delimiter == "right" and "left") or (brace == "}" and "{")
        if opening:
            opened.append(opening)
        elif closing and (not opened or opened.pop() != closing):
            return [token[0]]
    return opened


@pytest.mark.parametrize("make", [gibbs, closed_form, gradient], ids=lambda make: make.__name__)
def test_a_result_is_a_whole_document(make):
    document = latex_document(make(), says=make.__doc__)
    assert unclosed(document) == []
    assert document.isascii()
    assert document.startswith(r"\documentclass")
    assert document.endswith("\\end{document}\n")


@pytest.mark.parametrize("make", results(), ids=lambda make: make.__name__)
def test_every_docstring_is_of_letters_that_latex_knows(make):
    assert in_text(make.__doc__).isascii()


def test_each_line_has_a_number_and_its_reason_has_none():
    rows = latex_document(gibbs()).partition(r"\begin{align}")[2].split("\\\\\n")
    reasons = [row for row in rows if r"\notag" in row]
    assert (len(rows), len(reasons)) == (9, 4)
    assert "(by lemma: log bound)" in reasons[1]


def test_it_names_the_result_what_it_says_its_claim_and_what_is_given():
    document = latex_document(gibbs(), says=gibbs.__doc__)
    assert r"\section*{Gibbs' inequality}" in document
    assert r"KL[p \ensuremath{\Vert} q] \ensuremath{\geq} 0" in document
    assert "DPO-16" in document
    assert r"\emph{Given.} Two distributions" in document


@pytest.mark.parametrize(
    ("words", "latex"),
    [
        ("50 % of a_b", r"50 \% of a\_b"),
        ("r̂ is β", r"\ensuremath{\hat r} is \ensuremath{\beta}"),
        ("{~}", r"\{\textasciitilde{}\}"),
    ],
)
def test_words_are_spelled_for_latex(words, latex):
    assert in_text(words) == latex


def test_an_unknown_letter_is_named():
    with pytest.raises(ValueError, match="no command for '語'"):
        in_text("言語"[1:])


@pytest.mark.parametrize("latex", ["{", "}", r"\begin{a}\end{b}", r"\left( x", r"{\begin{a}}"])
def test_what_is_not_whole_is_found(latex):
    assert unclosed(latex) != []
