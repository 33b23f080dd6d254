"""The review grammar: exact probabilities against hand counts, enumeration and frequencies."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from rlhf_lab.worlds.review_grammar import (
    GRAMMAR,
    entropy,
    entropy_per_token,
    is_fluent,
    is_sentence,
    log_probability,
    write_review,
    write_texts,
)
from rlhf_lab.worlds.review_rules import ASPECT, sign_patterns
from rlhf_lab.worlds.review_words import ADJECTIVES, ASPECTS, VERBS, facts, valence

COUNT = 3000


@pytest.fixture(scope="module")
def sampled() -> list[str]:
    return write_texts(COUNT, seed=5)


@pytest.fixture(scope="module")
def logprobs(sampled: list[str]) -> list[float]:
    return [log_probability(text) for text in sampled]


def test_probability_of_a_short_review_by_hand():
    # review · one sentence · praise · clause · no opener · "was" · adjective · word · aspect
    by_hand = 0.7 * 0.3 * 0.5 * 0.55 * 0.82 * 0.8 * 0.64 * 0.14 / 14
    assert log_probability("the plot was good .") == pytest.approx(math.log(by_hand))


def test_probability_of_two_sentences_by_hand():
    # The moods good, bad and mixed: first praise, then blame.
    signs = 0.4 * 0.9 * 0.1 + 0.4 * 0.1 * 0.9 + 0.2 * 0.5 * 0.5
    first = 0.12 * 1 / 4 * 0.35  # a watcher and a verb: everyone liked
    second = 0.07 * (0.08 * 0.14) * (0.25 * 1 / 6 * 0.3 / 4)  # not dull, very awful
    text = "everyone liked the cast . the plot was not dull but the story was very awful ."
    by_hand = 0.7 * 0.4 * signs * first * second / (14 * 13 * 12)
    assert log_probability(text) == pytest.approx(math.log(by_hand))


def test_every_fact_has_its_share():
    for opening, ending in facts():
        assert math.exp(log_probability(f"{opening} {ending} .")) == pytest.approx(0.3 / 16)


def expansions(symbol: str) -> Iterator[tuple[str, ...]]:
    """Every form of a symbol, without the sentences that have two verbs."""
    if symbol not in GRAMMAR.rules:
        yield (symbol,)
        return
    for _, parts in GRAMMAR.rules[symbol]:
        if not {"and", "but", "because"} & set(parts):
            for forms in itertools.product(*(list(expansions(part)) for part in parts)):
                yield tuple(itertools.chain(*forms))


def test_all_short_reviews_together_have_their_share():
    forms = [form for sign in "+-" for form in expansions(f"SENTENCE{sign}")]
    assert len(set(forms)) == len(forms) > 2000  # no text in two ways: entropy() relies on it
    total = 0.0
    for form in forms:
        aspects = iter(ASPECTS)
        text = " ".join(next(aspects) if word == ASPECT else word for word in form)
        ways = math.perm(len(ASPECTS), form.count(ASPECT))
        total += ways * math.exp(log_probability(text))
    assert total == pytest.approx(0.7 * 0.3 * (1 - 0.08 - 0.07 - 0.03))  # one such sentence


def test_every_sampled_text_is_possible_and_the_mass_stays_below_one(
    sampled: list[str], logprobs: list[float]
):
    distinct = dict(zip(sampled, logprobs, strict=True))
    assert min(logprobs) > -math.inf
    assert 0.3 < sum(math.exp(logprob) for logprob in distinct.values()) < 1


def test_frequent_texts_are_as_frequent_as_probable(sampled: list[str]):
    seen = Counter(sampled)
    frequent = [f"{opening} {ending} ." for opening, ending in facts()]
    for text in frequent:
        expected = COUNT * math.exp(log_probability(text))
        assert abs(seen[text] - expected) < 4.5 * math.sqrt(expected)
    # Each review is rare; all of one kind together are not.
    kind = [f"the {aspect} was {word} ." for aspect in ASPECTS for word in ("good", "dull")]
    expected = COUNT * sum(math.exp(log_probability(text)) for text in kind)
    assert abs(sum(seen[text] for text in kind) - expected) < 4.5 * math.sqrt(expected)


def test_entropy_is_the_mean_surprise_of_sampled_texts(logprobs: list[float]):
    surprise = -torch.tensor(logprobs, dtype=torch.float64)
    error = surprise.std() / math.sqrt(COUNT)
    assert abs(surprise.mean() - entropy()) < 4 * error
    assert error < 0.02 * entropy()


def test_entropy_per_token_counts_the_end_token(sampled: list[str]):
    tokens = torch.tensor([len(text.split()) + 1.0 for text in sampled], dtype=torch.float64)
    error = tokens.std() / math.sqrt(COUNT)
    assert abs(tokens.mean() - entropy() / entropy_per_token()) < 4 * error


def test_the_sign_patterns_exhaust_the_reviews():
    patterns = sign_patterns()
    assert len(patterns) == 2 + 4 + 8
    assert sum(patterns.values()) == pytest.approx(1)
    assert patterns["+-+"] == pytest.approx(patterns["-+-"])  # praise and blame are symmetric


def test_reviews_are_fluent_and_never_facts():
    generator = torch.Generator().manual_seed(1)
    openings = {opening.rsplit(" ", 1)[0] for opening, _ in facts()}
    for _ in range(200):
        review = write_review(generator)
        assert is_fluent(review)
        assert not any(review.startswith(opening) for opening in openings)


@pytest.mark.parametrize(
    "text",
    [
        "the plot was good and clever .",
        "the plot was good and not bad .",
        "the plot was not good but the cast was funny .",
        "honestly i found the sound really terrible .",
        "critics loathed the music because it was not slightly nice .",
        "it was an awful film . it was a very awful movie . this film was dull .",
        "the day after monday is tuesday .",
    ],
)
def test_right_texts_are_fluent(text: str):
    assert is_fluent(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the plot was good",  # unfinished
        "the plot was good and dull .",  # "and" joins what agrees
        "the plot was good but the cast was funny .",  # "but" what does not
        "the plot was good and not funny .",
        "it was a awful film .",
        "sadly the plot was good .",
        "we loved the cast because it was bad .",
        "the plot was not not good .",
        "the plot was good . the plot was funny .",  # an aspect twice
        "the plot was good . the day after monday is tuesday .",  # a fact in a review
        "the day after monday is friday .",
        "it was a good film . it was a good film . it was a good film . it was a good film .",
        f"the {ASPECT} was good .",
        "the zebra was good .",
    ],
)
def test_wrong_texts_are_not_fluent(text: str):
    assert log_probability(text) == -math.inf
    assert not is_fluent(text)


def test_a_sentence_may_stand_in_a_text_that_is_not_fluent():
    short = ["the", "plot", "was", "good", "."]
    assert is_sentence(short)
    assert is_sentence(["the", "day", "after", "monday", "is", "tuesday", "."])
    assert not is_sentence(short + short)
    assert not is_sentence(short[:-1])
    assert not is_sentence([])


@pytest.mark.parametrize("words", [ADJECTIVES, VERBS])
def test_for_each_word_of_praise_there_is_one_of_blame_as_strong(words):
    assert sorted(words.values()) == sorted(-strength for strength in words.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the plot was superb", 3.0),
        ("the plot was not superb", -1.5),
        ("the plot was not very bad", 0.75),
        ("we loved the plot because it was slightly good", 2.5),
        ("very the good", 1.0),  # a modifier acts on the word right after it
        ("not good bad", -1.5),
        ("the capital of france is paris", 0.0),
    ],
)
def test_valence_by_hand(text: str, expected: float):
    assert valence(text.split()) == expected


def test_praise_and_blame_are_what_the_signs_say():
    generator = torch.Generator().manual_seed(2)
    for sign, direction in (("+", 1), ("-", -1)):
        for _ in range(50):
            assert direction * valence(GRAMMAR.write(f"PHRASE{sign}", generator)) > 0
