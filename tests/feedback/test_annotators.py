import itertools

import pytest
import torch
from jaxtyping import config

from rlhf_lab.feedback.annotators import Annotator, Prices, machine, person
from rlhf_lab.feedback.kinds import Source
from rlhf_lab.feedback.labelling import compare, cost, label_all, rank, rate, thumb
from rlhf_lab.feedback.tastes import (
    length_bias,
    majority_contest,
    personal_taste,
    topic_bias,
    total,
)
from rlhf_lab.preferences import plackett_luce_logprob

WORTHS = {"a": 0.5, "b": -0.2, "c": 0.1}
COUNT = 2000


def gold(_prompt, response):
    return WORTHS.get(response, 0.0)


def annotator(**settings):
    given = {"name": "ada", "source": Source.HUMAN, "worth": gold, "temperature": 0.5}
    return Annotator(**(given | settings))


def labels(judge, shown, *, count=COUNT, seed=0, **settings):
    generator = torch.Generator().manual_seed(seed)
    who = annotator(**settings)
    return [judge(who, "x", shown, generator=generator) for _ in range(count)]


def share(wins):
    return sum(wins) / len(wins)


def near(probability, *, count=COUNT):
    """Within 4.5 standard errors of a binomial share: one false alarm in 150,000 tests."""
    return pytest.approx(probability, abs=4.5 * (probability * (1 - probability) / count) ** 0.5)


def sigmoid(x):
    return torch.tensor(x, dtype=torch.float64).sigmoid().item()


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_comparisons_have_bradley_terrys_frequency(temperature):
    drawn = labels(compare, ["a", "b"], temperature=temperature)
    assert share([c.chosen == "a" for c in drawn]) == near(sigmoid(0.7 / temperature))


def test_rankings_have_plackett_luces_frequencies():
    drawn = labels(rank, ["a", "b", "c"])
    for order in itertools.permutations("abc"):
        scores = torch.tensor([WORTHS[name] / 0.5 for name in order], dtype=torch.float64)
        expected = plackett_luce_logprob(scores).exp().item()
        assert share([r.responses == order for r in drawn]) == near(expected)


def test_ratings_follow_the_ordered_logit_and_thumbs_its_cut():
    cuts = (-0.5, 0.3, 0.4)
    ratings = labels(rate, "a", cuts=cuts)
    assert {r.points for r in ratings} == {4}
    for points, cut in enumerate(cuts, start=1):
        assert share([r.score > points for r in ratings]) == near(sigmoid((0.5 - cut) / 0.5))
    thumbs = labels(thumb, "a", bar=0.3)
    assert share([t.up for t in thumbs]) == near(sigmoid((0.5 - 0.3) / 0.5))


def test_the_position_bias_is_measured_back():
    """The mean of the log-odds in both orders: the worths cancel."""
    shares = [
        share([c.chosen == shown[0] for c in labels(compare, shown, position_bias=0.8)])
        for shown in (["a", "b"], ["b", "a"])
    ]
    measured = sum(torch.tensor(shares).logit()).item() / 2
    assert measured == pytest.approx(0.8, abs=0.2)
    fair = [share([c.chosen == s[0] for c in labels(compare, s)]) for s in (["a", "b"], ["b", "a"])]
    assert sum(torch.tensor(fair).logit()).item() / 2 == pytest.approx(0, abs=0.2)


def test_a_worth_that_is_no_number_gives_no_label():
    """Else nothing would be above it, and it would be rated 1 and ranked first."""
    who = annotator(worth=lambda _prompt, _response: float("nan"))
    for judge, shown in ((rate, "a"), (thumb, "a"), (rank, ["a", "b"])):
        with pytest.raises(FloatingPointError, match="the worth of 'a' is nan to"):
            judge(who, "x", shown, generator=torch.Generator())


def test_a_tired_annotator_errs_more():
    """The expected share of right labels over a shift is a sum over its labels."""
    who = annotator(temperature=0.2, fatigue=0.002)
    generator = torch.Generator().manual_seed(0)
    drawn = label_all(compare, who, [("x", ["a", "b"])] * COUNT, generator=generator)
    for part in (slice(0, 1000), slice(1000, COUNT)):
        expected = share([sigmoid(0.7 / (0.2 * (1 + 0.002 * n))) for n in range(COUNT)[part]])
        assert share([c.chosen == "a" for c in drawn[part]]) == near(expected, count=1000)


def test_a_shift_may_go_on_where_another_call_left_off():
    items, who = [("x", ["a", "b"])] * 400, annotator(temperature=0.2, fatigue=0.05)

    def drawn(*calls):
        generator = torch.Generator().manual_seed(0)
        return [
            label
            for start, end in calls
            for label in label_all(
                compare, who, items[start:end], generator=generator, labels_before=start
            )
        ]

    assert drawn((0, 150), (150, 400)) == drawn((0, 400))


def test_an_intransitive_annotator_goes_in_a_circle():
    """Three qualities, each an order; the majority of them is a circle. No score can do that."""
    orders = ("abc", "bca", "cab")
    qualities = [lambda _, response, o=order: -o.index(response) for order in orders]
    contest = majority_contest(qualities, strength=0.5)
    for first, second in ("ab", "bc", "ca"):
        drawn = labels(compare, [first, second], worth=lambda *_: 0.0, contest=contest)
        assert share([c.chosen == first for c in drawn]) == near(sigmoid(1.0))
    ranked = labels(rank, ["a", "b", "c"], worth=lambda *_: 0.0, contest=contest)
    for order in itertools.permutations("abc"):  # among all three nobody is ahead
        assert share([r.responses == order for r in ranked]) == near(1 / 6)


def test_tastes_are_normal_and_belong_to_a_person():
    ann, bob = personal_taste(2.0, seed=0), personal_taste(2.0, seed=1)
    texts = [str(n) for n in range(5000)]
    tastes = torch.tensor([[who("x", text) for text in texts] for who in (ann, bob)])
    assert tastes.mean().item() == pytest.approx(0, abs=0.1)
    assert tastes.std(dim=1).tolist() == pytest.approx([2, 2], abs=0.1)
    assert torch.corrcoef(tastes)[0, 1].item() == pytest.approx(0, abs=0.06)
    assert (tastes.abs() < 2).double().mean().item() == pytest.approx(0.683, abs=0.02)
    assert ann("x", "0") == personal_taste(2.0, seed=0)("x", "0") != ann("y", "0")


def test_biases_count_what_they_say():
    text = "the cast was good and the plot was good"
    assert length_bias(0.1)("long prompt", text) == pytest.approx(0.9)
    assert topic_bias({"plot", "cast"}, 0.5)("x", text) == 0.5
    assert topic_bias({"music"}, 0.5)("x", text) == 0
    assert total(length_bias(1.0), topic_bias({"the"}, -1.0))("x", text) == 8


def test_a_person_differs_from_gold_and_a_machine_has_its_bias():
    first, second = (person(gold, seed=seed, spread=0.3) for seed in (0, 1))
    assert first.worth("x", "a") != second.worth("x", "a") != gold("x", "a")
    assert first.name != second.name
    cheap = machine(gold, topic_bias({"a"}, 1.0), name="long-winded", price=0.01)
    assert cheap.worth("x", "a") == 1.5
    assert cheap.source is Source.AI
    pair = compare(cheap, "x", ["b", "a"], generator=torch.Generator().manual_seed(0))
    assert (pair.source, pair.annotator, pair.chosen) == (Source.AI, "long-winded", "a")
    assert cost(cheap, [pair] * 100) == pytest.approx(2.0)


def test_labels_are_paid_for_by_kind():
    prices = Prices(comparison=3, ranked_response=1.5, rating=2, thumb=1)
    who, generator = annotator(prices=prices), torch.Generator().manual_seed(0)
    given = [
        judge(who, "x", shown, generator=generator)
        for judge, shown in ((compare, ["a", "b"]), (rank, ["a", "b", "c"]), (rate, "a"))
    ]
    assert [cost(who, [label]) for label in given] == [3, 4.5, 2]
    assert cost(who, [thumb(who, "x", "a", generator=generator), *given]) == 10.5


def test_same_seed_same_labels():
    assert labels(compare, ["a", "b"], count=50) == labels(compare, ["a", "b"], count=50)
    assert labels(rate, "a", count=50) == labels(rate, "a", count=50)
    assert labels(rate, "a", count=50) != labels(rate, "a", count=50, seed=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature must be a finite number above 0"),
        ({"fatigue": -0.1}, "fatigue must be a finite number, 0 or above"),
        ({"cuts": (0.1, 0.1)}, "cuts must rise"),
        ({"cuts": (0.1, 0.3, 0.2)}, "cuts must rise"),
        ({"cuts": (float("nan"), 0.1)}, "must be a finite number, got nan"),
        ({"cuts": ()}, "number_of_cuts must be a whole number, 1 or above"),
        ({"name": 3}, "name must be str, got int"),
        ({"name": " "}, "name must not be blank"),
        ({"source": "ai"}, "source must be Source, got str"),
        ({"worth": None}, "worth must be a function, got None"),
        ({"contest": 0.0}, "contest must be a function, got 0.0"),
        ({"prices": 1}, "prices must be Prices, got int"),
    ],
)
def test_impossible_annotators_are_refused(settings, message):
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match=message):
        annotator(**settings)


def test_a_comparison_shows_two():
    with pytest.raises(ValueError, match="shows 2 responses, got 3; use rank"):
        labels(compare, ["a", "b", "c"], count=1)


@pytest.mark.parametrize(
    ("judge", "shown", "message"),
    [
        (rank, "abc", "shown must be a list of one response or more, got 'abc'"),
        (compare, "ab", "shown must be a list of one response or more, got 'ab'"),
        (rank, [], r"shown must be a list of one response or more, got \[\]"),
        (rank, ["a", 2], "response must be str, got int"),
        (rate, ["a"], "response must be str, got list"),
        (thumb, ["a"], "response must be str, got list"),
    ],
)
def test_what_is_shown_is_a_list_where_several_are_and_a_text_where_one_is(judge, shown, message):
    """A text is a sequence of letters, and these would be ranked."""
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match=message):
        labels(judge, shown, count=1)


def test_a_topic_is_words_and_no_text():
    config.update("jaxtyping_disable", True)
    with pytest.raises(
        ValueError, match="words must be a collection of words, got the text 'plot'"
    ):
        topic_bias("plot", 1.0)


@pytest.mark.parametrize("labels_before", [-4000, 1.5])
def test_nobody_has_given_fewer_labels_than_none(labels_before):
    config.update("jaxtyping_disable", True)
    with pytest.raises(ValueError, match="labels_before must be a whole number, 0 or above"):
        annotator(fatigue=5e-4).temperature_after(labels_before)
