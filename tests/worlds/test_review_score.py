"""The gold score, by hand."""

import math

import pytest
import torch

from rlhf_lab.worlds.review_grammar import write_texts
from rlhf_lab.worlds.review_score import Flaws, flaws, gold_score
from rlhf_lab.worlds.review_words import valence
from rlhf_lab.worlds.reviews import VOCABULARY, decode

GOOD = "the plot was good ."


@pytest.mark.parametrize(
    ("text", "finished", "expected"),
    [
        (GOOD, True, Flaws(0, 0, False)),
        (GOOD, False, Flaws(0, 0, True)),
        ("the plot was good", True, Flaws(1, 0, False)),
        ("the plot was good", False, Flaws(0, 0, True)),
        (f"{GOOD} {GOOD}", True, Flaws(0, 1, False)),
        (f"{GOOD} {GOOD} {GOOD}", True, Flaws(0, 2, False)),
        ("superb superb . plot plot . it was", True, Flaws(3, 1, False)),
        (f"{GOOD} .", True, Flaws(1, 0, False)),
        (f"{GOOD} <begin>", True, Flaws(1, 0, False)),
        (f"{GOOD} the color of coal is black .", True, Flaws(0, 0, False)),
        ("", True, Flaws(1, 0, False)),
        ("", False, Flaws(0, 0, True)),
    ],
)
def test_flaws_by_hand(text: str, finished: bool, expected: Flaws):
    assert flaws(text, finished=finished) == expected


@pytest.mark.parametrize(
    ("text", "finished", "expected"),
    [
        (GOOD, True, math.tanh(1 / 3)),
        (GOOD, False, math.tanh(1 / 3) - 0.5),
        ("the plot was superb . the plot was truly superb .", True, math.tanh(2.5) - 0.3),
        ("a superb . a superb .", True, math.tanh(2) - 1.0),
        ("the plot was not dreadful . we hated the cast .", True, math.tanh(-0.5 / 3)),
        ("the capital of peru is lima .", True, 0.0),
    ],
)
def test_gold_score_by_hand(text: str, finished: bool, expected: float):
    assert gold_score(text, finished=finished) == pytest.approx(expected)


def test_a_text_without_flaws_is_scored_by_its_valence_alone():
    for text in write_texts(300, seed=3):
        assert flaws(text, finished=True).penalty == 0
        assert gold_score(text) == pytest.approx(math.tanh(valence(text.split()) / 3))


@pytest.mark.parametrize("finished", [True, False])
def test_every_text_keeps_the_stated_bounds(finished: bool):
    generator = torch.Generator().manual_seed(4)
    for length in range(1, 60):
        drawn = torch.randint(2, len(VOCABULARY), (length,), generator=generator)
        score = gold_score(decode(drawn.tolist()), finished=finished)
        assert -1.5 - 0.5 * length < score <= 1
    assert gold_score(". " * 9, finished=finished) > -1.5 - 0.5 * 9
    assert gold_score("superb " * 99, finished=finished) <= 1
