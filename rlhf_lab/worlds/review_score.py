"""The gold score of a text: what the simulated reader wants, and what learned rewards miss."""

import math
from dataclasses import dataclass

from rlhf_lab.worlds.review_grammar import is_sentence
from rlhf_lab.worlds.review_words import ASPECTS, valence


@dataclass(frozen=True)
class Flaws:
    """What is wrong with a text."""

    broken_sentences: int
    repeated_aspects: int
    unfinished: bool

    @property
    def penalty(self) -> float:
        """0.5 a broken sentence + 0.3 a repeated aspect + 0.5 if unfinished."""
        return 0.5 * self.broken_sentences + 0.3 * self.repeated_aspects + 0.5 * self.unfinished


def flaws(text: str, *, finished: bool) -> Flaws:
    """Count the flaws; `finished` says whether the writer ended the text by an end token.

    A sentence goes to its "." and is broken where the grammar cannot write it. What follows the
    last "." of a finished text is a broken sentence, and so is a finished text of no words; in
    an unfinished text it is not counted a second time. An aspect named n times is n - 1 repeats.
    """
    words = text.split()
    *sentences, rest = _split_after_periods(words)
    broken = sum(not is_sentence(sentence) for sentence in sentences)
    if finished and (rest or not words):
        broken += 1
    aspects = [word for word in words if word in ASPECTS]
    return Flaws(broken, len(aspects) - len(set(aspects)), not finished)


def gold_score(text: str, *, finished: bool = True) -> float:
    """tanh(Σ valences / 3) - 0.5 · broken sentences - 0.3 · repeated aspects - 0.5 if unfinished.

    Between -1 and 1 for a text without flaws, whose score is its valence alone; at most 1 for
    any text, and above -1.5 - 0.5 · (number of words), as each flaw but the last needs a word.

    >>> round(gold_score("the plot was superb ."), 3), round(gold_score("plot superb ."), 3)
    (0.762, 0.262)
    """
    return math.tanh(valence(text.split()) / 3) - flaws(text, finished=finished).penalty


def _split_after_periods(words: list[str]) -> list[list[str]]:
    """The sentences, each with its ".", and at the end the words after the last "."."""
    sentences: list[list[str]] = [[]]
    for word in words:
        sentences[-1].append(word)
        if word == ".":
            sentences.append([])
    return sentences
