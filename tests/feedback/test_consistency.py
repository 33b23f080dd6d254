"""Circles are counted by hand, one three after another, and the most of them by trying all."""

import itertools
import re

import pytest
import torch
from jaxtyping import config

from rlhf_lab.feedback.consistency import circular_triads, consistence, wins
from rlhf_lab.feedback.kinds import Comparison, Source


def table(n, bits):
    """The tournament of n in which bit k says who won the k-th pair."""
    found = torch.zeros(n, n, dtype=torch.bool)
    for k, (i, j) in enumerate(itertools.combinations(range(n), 2)):
        winner, loser = (i, j) if bits >> k & 1 else (j, i)
        found[winner, loser] = True
    return found


def circles_by_hand(found):
    return sum(
        bool(found[a, b] and found[b, c] and found[c, a])
        or bool(found[b, a] and found[c, b] and found[a, c])
        for a, b, c in itertools.combinations(range(len(found)), 3)
    )


@pytest.mark.parametrize("n", [3, 4, 5])
def test_the_formula_counts_every_circle_of_every_tournament(n):
    tournaments = [table(n, bits) for bits in range(2 ** (n * (n - 1) // 2))]
    counts = [circular_triads(found) for found in tournaments]
    assert counts == [circles_by_hand(found) for found in tournaments]
    most = max(counts)
    for found, count in zip(tournaments, counts, strict=True):
        assert consistence(found) == pytest.approx(1 - count / most)


def said(chosen, rejected, annotator="one", prompt="x"):
    return Comparison(
        prompt=prompt, source=Source.HUMAN, annotator=annotator, chosen=chosen, rejected=rejected
    )


def test_rock_paper_and_scissors_are_one_circle():
    found = wins([said("paper", "rock"), said("scissors", "paper"), said("rock", "scissors")])
    assert (circular_triads(found), consistence(found)) == (1, 0.0)
    ordered = wins([said("a", "b"), said("a", "c"), said("b", "c")])
    assert (circular_triads(ordered), consistence(ordered)) == (0, 1.0)


@pytest.mark.parametrize("count", [circular_triads, consistence])
def test_a_table_of_numbers_or_without_corners_is_refused(count):
    """Its complement is no "did not win": all pairs seemed to lack."""
    config.update("jaxtyping_disable", True)  # users have no type checker
    for wrong in (table(4, 5).long(), table(4, 5)[:3], [[False] * 3] * 3):
        with pytest.raises(ValueError, match=r"wins must be bool of shape \(winner, loser\)"):
            count(wrong)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wins([said("a", "b"), said("a", "b", "two")]), "one annotator and one prompt"),
        (lambda: wins([]), "one annotator and one prompt, got []"),
        (lambda: wins([said("a", "b"), said("b", "a")]), "'b' and 'a' were compared twice"),
        (lambda: wins([said("a", "b"), said("b", "c")]), "1 pairs lack"),
        (lambda: circular_triads(torch.ones(3, 3, dtype=torch.bool)), "every two must be compared"),
        (lambda: consistence(wins([said("a", "b")])), "at least 3 responses, got 2"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
