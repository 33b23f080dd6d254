"""The rules by which reviews and facts are written, with their probabilities.

Symbols end in + or - for praise and blame: "SENTENCE+" is a sentence that praises on the whole.
"""

from math import prod

from rlhf_lab.worlds.grammar import Grammar, Rule
from rlhf_lab.worlds.review_words import ADJECTIVES, FILMS, INTENSIFIERS, VERBS, WATCHERS, facts

ASPECT = "an aspect"  # stands for any aspect; with a space no word of a text can be the same
FACT_SHARE = 0.3
MOODS = {"good": (0.4, 0.9), "bad": (0.4, 0.1), "mixed": (0.2, 0.5)}
"""mood: (P(mood), P(a sentence praises | mood))"""
SENTENCE_COUNTS = {1: 0.3, 2: 0.4, 3: 0.3}


def review_grammar() -> Grammar:
    """Symbols TEXT, REVIEW, FACT, SENTENCE+ and SENTENCE- are those that other modules use."""
    rules = {
        "TEXT": ((1 - FACT_SHARE, ("REVIEW",)), (FACT_SHARE, ("FACT",))),
        "REVIEW": tuple(
            (probability, tuple(f"SENTENCE{sign}" for sign in signs))
            for signs, probability in sign_patterns().items()
        ),
        "FACT": _any_of(*(f"{opening} {ending} ." for opening, ending in facts())),
        "FILM": _any_of(*FILMS),
        "WATCHER": _any_of(*WATCHERS),
        "INTENSIFIER": _any_of(*INTENSIFIERS),
    }
    return Grammar({**rules, **_rules_of_sign("+", "-"), **_rules_of_sign("-", "+")})


def sign_patterns() -> dict[str, float]:
    """P(+-+), ...: the signs of a review's sentences, with the hidden mood summed out.

    P(signs) = P(count) Σ_mood P(mood) Π_i P(sign_i | mood).

    >>> round(sign_patterns()["++"], 4)  # 0.4 (0.4 · 0.9² + 0.4 · 0.1² + 0.2 · 0.5²)
    0.1512
    """
    patterns = {"": 1.0}
    probabilities = {}
    for _count, share in sorted(SENTENCE_COUNTS.items()):
        patterns = {signs + sign: 1.0 for signs in patterns for sign in "+-"}
        for signs in patterns:
            probabilities[signs] = share * sum(
                mood * prod(praise if sign == "+" else 1 - praise for sign in signs)
                for mood, praise in MOODS.values()
            )
    return probabilities


def _rules_of_sign(sign: str, opposite: str) -> dict[str, tuple[Rule, ...]]:
    """How to praise (sign +) or to blame (sign -)."""
    the_aspect = ("the", ASPECT)
    phrase, other_phrase = f"PHRASE{sign}", f"PHRASE{opposite}"
    sentences = (
        (0.55, (f"OPENER{sign}", f"CLAUSE{sign}", ".")),
        (0.08, (*the_aspect, "was", phrase, "and", phrase, ".")),
        (0.07, (*the_aspect, "was", other_phrase, "but", *the_aspect, "was", phrase, ".")),
        (0.12, ("WATCHER", f"VERB{sign}", *the_aspect, ".")),
        (0.03, ("WATCHER", f"VERB{sign}", *the_aspect, "because", "it", "was", phrase, ".")),
        (0.09, ("it", "was", f"NOUN PHRASE{sign}", "FILM", ".")),
        (0.06, ("this", "FILM", "was", phrase, ".")),
    )
    clauses = (
        (0.8, (*the_aspect, "was", phrase)),
        (0.2, ("i", "found", *the_aspect, phrase)),
    )
    luck = "luckily" if sign == "+" else "sadly"
    openers = ((0.82, ()), (0.06, (luck,)), (0.06, ("overall",)), (0.06, ("honestly",)))
    return {
        f"SENTENCE{sign}": sentences,
        f"CLAUSE{sign}": clauses,
        f"OPENER{sign}": openers,
        f"VERB{sign}": _by_strength(_of_sign(VERBS, sign), weak=0.35),
        **_phrases(sign, opposite),
    }


def _phrases(sign: str, opposite: str) -> dict[str, tuple[Rule, ...]]:
    """ "good", "very good", "not bad"; and with an article "a good", "an awful"."""
    adjectives = _of_sign(ADJECTIVES, sign)
    with_a = {word: valence for word, valence in adjectives.items() if word[0] not in "ae"}
    with_an = [word for word in adjectives if word not in with_a]
    return {
        f"ADJECTIVE{sign}": _by_strength(adjectives, weak=0.14),
        f"ADJECTIVE AFTER A{sign}": _by_strength(with_a, weak=0.15),
        f"ADJECTIVE AFTER AN{sign}": _any_of(*with_an),
        f"PHRASE{sign}": (
            (0.64, (f"ADJECTIVE{sign}",)),
            (0.25, ("INTENSIFIER", f"ADJECTIVE{sign}")),
            (0.08, ("not", f"ADJECTIVE{opposite}")),
            (0.03, ("not", "INTENSIFIER", f"ADJECTIVE{opposite}")),
        ),
        f"NOUN PHRASE{sign}": (
            (0.6, ("a", f"ADJECTIVE AFTER A{sign}")),
            (0.1, ("an", f"ADJECTIVE AFTER AN{sign}")),
            (0.3, ("a", "INTENSIFIER", f"ADJECTIVE{sign}")),
        ),
    }


def _of_sign(valences: dict[str, float], sign: str) -> dict[str, float]:
    return {word: valence for word, valence in valences.items() if (valence > 0) == (sign == "+")}


def _by_strength(valences: dict[str, float], *, weak: float) -> tuple[Rule, ...]:
    """Words of valence ±1 with probability `weak` each; the others share what is left."""
    strong = sum(abs(valence) > 1 for valence in valences.values())
    rest = (1 - weak * (len(valences) - strong)) / strong
    return tuple(
        (rest if abs(valence) > 1 else weak, (word,)) for word, valence in valences.items()
    )


def _any_of(*alternatives: str) -> tuple[Rule, ...]:
    """Each phrase with the same probability."""
    return tuple((1 / len(alternatives), tuple(phrase.split())) for phrase in alternatives)
