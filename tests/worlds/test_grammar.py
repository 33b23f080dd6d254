"""Grammars: exact sums against enumeration, frequencies and known entropies."""

import math
from collections import Counter
from statistics import NormalDist

import pytest
import torch

from rlhf_lab.worlds.grammar import Grammar

# "x x x" comes from two derivations: 0.2 · 0.3 · 1 from "two one" and 0.5 · 0.3 from "one two".
AMBIGUOUS = Grammar(
    {
        "START": ((0.2, ("TWO", "ONE")), (0.5, ("ONE", "TWO")), (0.3, ())),
        "TWO": ((0.3, ("x", "x")), (0.7, ("x", "y"))),
        "ONE": ((1.0, ("x",)),),
    }
)


def test_probability_sums_over_derivations():
    assert AMBIGUOUS.probability("START", ("x", "x", "x")) == pytest.approx(0.7 * 0.3)
    assert AMBIGUOUS.probability("START", ("x", "y", "x")) == pytest.approx(0.2 * 0.7)
    assert AMBIGUOUS.probability("START", ()) == pytest.approx(0.3)
    assert AMBIGUOUS.probability("START", ("x", "x")) == 0
    assert AMBIGUOUS.probability("START", ("x", "x", "x", "x")) == 0


def test_texts_are_written_as_often_as_they_are_probable():
    generator = torch.Generator().manual_seed(0)
    count = 4000
    seen = Counter(tuple(AMBIGUOUS.write("START", generator)) for _ in range(count))
    assert sum(AMBIGUOUS.probability("START", words) for words in seen) == pytest.approx(1)
    for words, times in seen.items():
        share = AMBIGUOUS.probability("START", words)
        deviation = (times - count * share) / math.sqrt(count * share * (1 - share))
        assert abs(deviation) < NormalDist().inv_cdf(1 - 1e-4)


def test_entropy_of_dice_adds_up():
    faces = tuple((1 / 6, (str(face),)) for face in range(1, 7))
    dice = Grammar({"DIE": faces, "THROW": ((1.0, ("DIE", "and", "DIE")),)})
    assert dice.entropy("THROW") == pytest.approx(2 * math.log(6))


def test_counts_of_coins_are_binomial():
    coins = Grammar({"COIN": ((0.25, ("h",)), (0.75, ("t",))), "ALL": ((1.0, ("COIN",) * 3),)})
    heads = coins.counts("ALL", lambda word: word == "h")
    binomial = {n: math.comb(3, n) * 0.25**n * 0.75 ** (3 - n) for n in range(4)}
    assert heads == pytest.approx(binomial)


def test_one_seed_writes_one_text():
    texts = [AMBIGUOUS.write("START", torch.Generator().manual_seed(3)) for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"A": ((0.5, ("x",)), (0.4, ("y",)))}, r"sum to 1, got \[0.5, 0.4\]"),
        ({"A": ((1.5, ("x",)), (-0.5, ("y",)))}, "positive probabilities"),
        ({"A": ()}, r"sum to 1, got \[\]"),
        (
            {"A": ((1.0, ("B",)),), "B": ((0.5, ("x",)), (0.5, ("A",)))},
            "itself: A > B > A",
        ),
    ],
)
def test_a_grammar_that_cannot_be_is_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        Grammar(rules)
