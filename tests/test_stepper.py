"""The stepper's HTML: every line in it, words for the checks, nothing from outside."""

import re
import sys
from types import ModuleType

import pytest
from bs4 import BeautifulSoup
from sympy import symbols

from rlhf_lab.derivations.checker.given import NOTHING
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.dpo import gradient
from rlhf_lab.derivations.gibbs import gibbs
from rlhf_lab.derivations.optimal_policy import sums_to_one
from rlhf_lab.derivations.token_gradient import reward_to_go
from rlhf_lab.stepper import stepper

a, b = symbols("a b", real=True)


def parsed(derivation):
    return BeautifulSoup(stepper(derivation).html(), "html.parser")


def test_every_line_has_its_formula_and_says_how_it_was_checked():
    derivation = gibbs()
    items = parsed(derivation).find_all("li")
    assert len(items) == len(derivation.lines)
    for line, item in zip(derivation.lines, items, strict=True):
        assert line.reason in item.p.text
        assert line.evidence.kind in item.p.text
        assert len(item.find_all(class_="math")) == 1
    assert "(by lemma: log bound)" in items[2].p.text


def test_formulas_are_those_of_the_aligned_block():
    derivation = gradient()
    block = derivation.latex().replace(" {}&", "")
    for item in parsed(derivation).find_all("li"):
        shown = re.fullmatch(r"\\\(\\displaystyle \{\}(.*)\\\)", item.find(class_="math").text)
        assert shown[1] in block


def test_without_javascript_all_stands_there_and_no_button():
    page = parsed(gibbs())
    assert page.find_all(class_=["later", "asked"]) == []
    assert all(button.find_parent(hidden=True) for button in page.find_all(["button", "input"]))


def test_it_asks_for_nothing_from_outside_and_has_no_id():
    html = stepper(gibbs()).html()
    assert not re.search(r"https?:|src=|href=|\sid=", html)


def test_what_is_given_stands_above_the_lines_with_the_definitions_that_are_used():
    page = parsed(sums_to_one())
    above = [p.text for p in page.find_all("p") if not p.find_parent("li")]
    assert above[0] == f"Given: {sums_to_one().given.statement}"
    assert len(above) == 3  # π* in terms of Z, and Z
    assert "By definition" not in parsed(gibbs()).text


def test_recursions_stand_above_the_lines_too_with_the_definitions_that_they_use():
    page = parsed(reward_to_go())
    above = [p.text for p in page.find_all("p") if not p.find_parent("li")]
    meant = [words.split("=")[0] for words in above if words.startswith("By definition")]
    letters = ["G_{1}", "V_{1}", "G_{n + 1}", "V_{n + 1}", "Q_{n}"]
    assert all(letter in shown for letter, shown in zip(letters, meant, strict=True))


def test_words_cannot_break_the_page():
    derivation = begin("a < b & <b>", (a + 1) ** 2).rewrite(a**2 + 2 * a + 1, "<i>multiply</i>")
    page = parsed(derivation)
    assert page.find(["b", "i"]) is None
    assert page.div["aria-label"] == "a < b & <b>, line by line"
    assert "<i>multiply</i>" in page.text


def test_notebooks_get_html_latex_and_plain_text(monkeypatch):
    shown = stepper(gibbs())
    bundle = shown._repr_mimebundle_()
    assert bundle["text/html"] == shown.html()
    assert bundle["text/latex"] == gibbs()._repr_latex_()
    assert bundle["text/plain"] == str(gibbs())
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    assert "mathjax@3" in shown._repr_mimebundle_()["text/html"]


def test_nothing_cannot_be_stepped_through():
    with pytest.raises(ValueError, match="empty has no lines"):
        stepper(Derivation("empty", NOTHING))
