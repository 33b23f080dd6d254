import itertools

import numpy as np
import pytest
from jaxtyping import config

from rlhf_lab.feedback.conversions import as_pairs, as_ratings, as_thumbs, with_generated
from rlhf_lab.feedback.kinds import Comparison, Ranking, Rating, Source, Thumb

ADA = {"prompt": "the film", "source": Source.HUMAN, "annotator": "ada"}
BEN = ADA | {"annotator": "ben"}
PAIR = Comparison(**ADA, chosen="was good", rejected="was bad")
RANKING = Ranking(**ADA, responses=("a", "b", "c", "d"))
THUMB = Thumb(**ADA, response="was good", up=True)


def rating(response, score, points=5, **given):
    return Rating(**(ADA | given), response=response, score=score, points=points)


def orders(comparisons):
    return [(c.chosen, c.rejected) for c in comparisons]


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Comparison, ADA | {"prompt": " \n", "chosen": "a", "rejected": "b"}, "prompt must not be"),
        (Thumb, ADA | {"annotator": "", "response": "a", "up": True}, "annotator must not be"),
        (Comparison, ADA | {"chosen": "a", "rejected": "a"}, "two different responses"),
        (Ranking, ADA | {"responses": ("a",)}, "at least 2 responses, got 1"),
        (Ranking, ADA | {"responses": ("a", "b", "a")}, "each response once"),
        (Rating, ADA | {"response": "a", "score": 6, "points": 5}, r"1\.\.5, got 6"),
        (Rating, ADA | {"response": "a", "score": 0, "points": 5}, r"1\.\.5, got 0"),
        (Rating, ADA | {"response": "a", "score": 1, "points": 1}, "at least 2 points, got 1"),
        (
            Rating,
            ADA | {"response": "a", "score": 3.5, "points": 5},
            "score must be a whole number",
        ),
        (Rating, ADA | {"response": "a", "score": "3", "points": 5}, "got '3'"),
        (Rating, ADA | {"response": "a", "score": True, "points": 5}, "got True"),
        (Rating, ADA | {"response": "a", "score": np.int64(3), "points": 5}, r"got .*\(int64\)"),
        (Thumb, ADA | {"response": "a", "up": "no"}, "up must be True or False, got 'no'"),
        (Comparison, ADA | {"chosen": None, "rejected": "b"}, "chosen must be text, got None"),
        (Ranking, ADA | {"responses": "ab"}, "responses must be a tuple of texts, got 'ab'"),
        (Ranking, ADA | {"responses": ["a", "b"]}, "responses must be a tuple of texts"),
        (Thumb, ADA | {"source": "human", "response": "a", "up": True}, "source must be a Source"),
    ],
)
def test_feedback_that_says_nothing_is_refused(kind, values, message):
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match=message):
        kind(**values)


def test_an_empty_response_is_a_response():
    assert Comparison(**ADA, chosen="was good", rejected="").rejected == ""


def test_a_ranking_of_k_implies_every_pair_once_and_in_its_order():
    pairs = as_pairs([RANKING])
    assert pairs.ties == []
    assert set(orders(pairs.comparisons)) == {(a, b) for a in "abcd" for b in "abcd" if a < b}
    assert len(pairs.comparisons) == 4 * 3 // 2
    assert {(c.prompt, c.source, c.annotator) for c in pairs.comparisons} == {tuple(ADA.values())}


def test_comparisons_stay_as_they_are():
    assert as_pairs([PAIR, PAIR]) == ([PAIR, PAIR], [])


def test_ratings_give_each_pair_once_with_ties_apart():
    scores = {"a": 3, "b": 5, "c": 3, "d": 1}
    pairs = as_pairs([rating(name, score) for name, score in scores.items()])
    assert all(scores[better] > scores[worse] for better, worse in orders(pairs.comparisons))
    assert [(x.response, y.response) for x, y in pairs.ties] == [("a", "c")]
    seen = [frozenset(pair) for pair in orders(pairs.comparisons)] + [frozenset("ac")]
    assert sorted(map(sorted, seen)) == [list(p) for p in itertools.combinations("abcd", 2)]


def test_ratings_of_different_prompts_are_not_compared():
    one, other = rating("a", 1), rating("b", 5, prompt="the cast")
    assert as_pairs([one, other]) == ([], [])


def test_each_annotators_ratings_convert_by_themselves():
    by_ada = as_pairs([rating("a", 1), rating("b", 2)]).comparisons
    by_ben = as_pairs([rating("a", 5, **BEN), rating("b", 4, **BEN)]).comparisons
    assert orders(by_ada) == [("b", "a")]
    assert orders(by_ben) == [("a", "b")]
    assert by_ben[0].annotator == "ben"


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ([rating("a", 1), rating("b", 2, **BEN)], r"'ada' \(human\) and 'ben' \(human\), who need"),
        ([rating("a", 1), rating("b", 2, source=Source.AI)], r"'ada' \(human\) and 'ada' \(ai\)"),
        ([rating("a", 1), rating("b", 2, points=7)], "scales of 5 and 7 points"),
        ([rating("a", 1), rating("a", 2)], "'a' is rated twice"),
    ],
)
def test_ratings_that_cannot_be_compared_are_refused(pair, message):
    with pytest.raises(ValueError, match=message):
        as_pairs(pair)


@pytest.mark.parametrize(
    ("convert", "items", "message"),
    [
        (as_pairs, [PAIR, THUMB], r"a thumb \(number 1, .*does not determine pairs; as_thumbs"),
        (as_ratings, [PAIR], "a comparison .* does not determine ratings; ask for ratings"),
        (as_ratings, [RANKING], "a ranking .* does not determine ratings"),
        (as_ratings, [THUMB], "a thumb .* does not determine ratings"),
        (as_thumbs, [PAIR], "a comparison .* does not determine thumbs; use as_pairs"),
        (as_thumbs, [rating("a", 1)], "a rating .* does not determine thumbs"),
        (as_thumbs, [RANKING], "a ranking .* does not determine thumbs"),
    ],
)
def test_unsound_conversions_are_refused(convert, items, message):
    with pytest.raises(ValueError, match=message):
        convert(items)


def test_what_is_already_of_the_kind_passes():
    assert as_thumbs([THUMB]) == [THUMB]
    assert as_ratings([rating("a", 1)]) == [rating("a", 1)]
    assert as_pairs([]) == ([], [])


def test_generated_responses_are_assumed_better_than_disliked_ones():
    disliked = [Thumb(**ADA, response=text, up=False) for text in ("bad", "worse")]
    first, second = with_generated(disliked, ["good", "fine"], generator="model")
    assert orders([first, second]) == [("good", "bad"), ("fine", "worse")]
    assert (first.source, first.annotator) == (Source.AI, "model against ada")
    with pytest.raises(ValueError, match="'was good' is not"):
        with_generated([THUMB], ["better"], generator="model")
    with pytest.raises(ValueError, match="got 1 generated responses for 2 disliked"):
        with_generated(disliked, ["good"], generator="model")
