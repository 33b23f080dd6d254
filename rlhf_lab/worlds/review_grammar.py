"""The grammar of the review world: 70 % film reviews, 30 % plain facts.

A review has a hidden mood, which decides how likely each of its one to three sentences is to
praise (+) or to blame (-). No aspect of the film comes twice. A text has one derivation at most,
so its exact probability and the entropy of the whole language are known.
"""

import math
from functools import lru_cache

import torch

from rlhf_lab.worlds.review_rules import ASPECT, review_grammar
from rlhf_lab.worlds.review_words import ASPECTS

GRAMMAR = review_grammar()


def write_review(generator: torch.Generator) -> str:
    """One film review."""
    return _fill("REVIEW", generator)


def write_text(generator: torch.Generator) -> str:
    """One text: a film review, or with probability 0.3 a fact."""
    return _fill("TEXT", generator)


def write_texts(count: int, *, seed: int) -> list[str]:
    """`count` independent texts, 30 % of them facts."""
    generator = torch.Generator().manual_seed(seed)
    return [write_text(generator) for _ in range(count)]


def log_probability(text: str) -> float:
    """The exact log P(text), in nats; -inf where the text is not grammatical.

    P(text) = P(its form) / [14 · 13 · ... one factor an aspect], 0 where an aspect comes twice.
    """
    words = text.split()
    aspects = [word for word in words if word in ASPECTS]
    probability = GRAMMAR.probability("TEXT", form(words))
    if probability == 0 or len(set(aspects)) < len(aspects):
        return -math.inf
    return math.log(probability) - math.log(math.perm(len(ASPECTS), len(aspects)))


def is_fluent(text: str) -> bool:
    """Whether the grammar can write the whole text, from its first word to its last "."."""
    return log_probability(text) > -math.inf


def is_sentence(words: list[str]) -> bool:
    """Whether the words, "." included, are one sentence of a review, or a fact.

    Two aspects in it may be the same; `is_fluent` is stricter.
    """
    return _is_sentence_form(form(words))


def entropy() -> float:
    """The exact entropy of a text in nats: of its form, plus E log(number of ways to fill it)."""
    aspects = GRAMMAR.counts("TEXT", lambda word: word == ASPECT)
    ways = sum(p * math.log(math.perm(len(ASPECTS), n)) for n, p in aspects.items())
    return GRAMMAR.entropy("TEXT") + ways


def entropy_per_token() -> float:
    """entropy() / E[tokens of a text], its end token included: the least loss a model can reach."""
    lengths = GRAMMAR.counts("TEXT", lambda word: True)
    return entropy() / (1 + sum(p * n for n, p in lengths.items()))


def form(words: list[str]) -> tuple[str, ...]:
    """The words with every aspect replaced by the same stand-in."""
    return tuple(ASPECT if word in ASPECTS else word for word in words)


def _fill(symbol: str, generator: torch.Generator) -> str:
    words = GRAMMAR.write(symbol, generator)
    order = iter(torch.randperm(len(ASPECTS), generator=generator).tolist())
    return " ".join(ASPECTS[next(order)] if word == ASPECT else word for word in words)


@lru_cache(maxsize=50_000)
def _is_sentence_form(words: tuple[str, ...]) -> bool:
    return any(
        GRAMMAR.probability(symbol, words) > 0 for symbol in ("SENTENCE+", "SENTENCE-", "FACT")
    )
