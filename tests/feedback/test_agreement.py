import math

import pytest
import torch

from rlhf_lab.feedback.agreement import agreement_share, judgements, nominal_alpha, ordinal_alpha
from rlhf_lab.feedback.annotators import Annotator
from rlhf_lab.feedback.kinds import Comparison, Ranking, Rating, Source, Thumb
from rlhf_lab.feedback.labelling import compare, label_all

BY = {"prompt": "x", "source": Source.HUMAN}
NONE = float("nan")

# Four coders, twelve units, gaps: the worked example of Krippendorff (2011), section C and D.
PUBLISHED = torch.tensor(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ],
    dtype=torch.float64,
)


def test_alpha_is_that_of_the_published_example():
    assert nominal_alpha(PUBLISHED) == pytest.approx(0.743, abs=5e-4)
    assert ordinal_alpha(PUBLISHED) == pytest.approx(0.815, abs=5e-4)


def test_two_who_agree_with_chance_alone_share_half_and_have_alpha_0():
    coins = torch.randint(2, (2, 4000), generator=torch.Generator().manual_seed(0)).double()
    assert agreement_share(coins) == pytest.approx(0.5, abs=0.04)
    assert nominal_alpha(coins) == pytest.approx(0, abs=0.08)
    assert agreement_share(coins[[0, 0]]) == nominal_alpha(coins[[0, 0]]) == 1


def test_agreement_of_noisy_annotators_is_p_squared_plus_q_squared():
    """p = σ(difference / T) for each pair; the expected share is the mean over the pairs."""
    differences = torch.linspace(-2, 2, 400, dtype=torch.float64)
    worths = {f"{n:03}+": d.item() for n, d in enumerate(differences)}
    items = [("x", [name, name[:-1] + "-"]) for name in worths]
    generator = torch.Generator().manual_seed(0)
    labels = []
    for name in ("ada", "ben", "cem"):
        who = Annotator(
            name=name, source=Source.HUMAN, worth=lambda _, r: worths.get(r, 0.0), temperature=0.7
        )
        labels += label_all(compare, who, items, generator=generator)
    p = (differences / 0.7).sigmoid()
    expected = (p**2 + (1 - p) ** 2).mean().item()
    share = agreement_share(judgements(labels))
    assert share == pytest.approx(expected, abs=0.05)
    assert nominal_alpha(judgements(labels)) == pytest.approx(2 * share - 1, abs=0.02)


def test_a_comparison_means_the_same_in_either_order_of_names():
    pairs = [("a", "b", "ada"), ("a", "b", "ben"), ("b", "a", "cem")]
    table = judgements([Comparison(**BY, annotator=n, chosen=c, rejected=r) for c, r, n in pairs])
    assert table.tolist() == [[1], [1], [0]]
    assert agreement_share(table) == pytest.approx(1 / 3)


def test_what_nobody_said_is_a_gap():
    thumbs = [("a", "ada", True), ("b", "ada", False), ("b", "ben", False), ("c", "ben", True)]
    table = judgements([Thumb(**BY, annotator=n, response=r, up=up) for r, n, up in thumbs])
    assert table.isnan().tolist() == [[False, False, True], [True, False, False]]
    assert agreement_share(table) == 1
    assert torch.tensor(agreement_share(table[:1])).isnan()


def test_far_ratings_weigh_more():
    def table(other):
        scores = {"ada": [1, 2, 3, 4, 5], "ben": other}
        return judgements(
            [
                Rating(**BY, annotator=name, response=str(n), score=score, points=5)
                for name, given in scores.items()
                for n, score in enumerate(given)
            ]
        )

    near, far = table([2, 2, 3, 4, 5]), table([5, 2, 3, 4, 5])
    assert agreement_share(near) == agreement_share(far) == 0.8
    assert 1 > ordinal_alpha(near) > ordinal_alpha(far)


@pytest.mark.parametrize(
    ("feedback", "message"),
    [
        ([], "of one kind and scale, got"),
        ([Ranking(**BY, annotator="ada", responses=("a", "b"))], "as_pairs"),
        (
            [
                Thumb(**BY, annotator="ada", response="a", up=True),
                Rating(**BY, annotator="ada", response="a", score=1, points=5),
            ],
            "of one kind and scale",
        ),
        (
            [Rating(**BY, annotator="a", response="a", score=1, points=p) for p in (5, 7)],
            "of one kind and scale",
        ),
        (
            [Thumb(**BY, annotator="ada", response="a", up=up) for up in (True, False)],
            "'ada' judged .* twice",
        ),
    ],
)
def test_judgements_that_make_no_table_are_refused(feedback, message):
    with pytest.raises(ValueError, match=message):
        judgements(feedback)


@pytest.mark.parametrize("alpha", [nominal_alpha, ordinal_alpha])
@pytest.mark.parametrize(
    "table", [[[1.0, 1.0], [1.0, 1.0]], [[1.0, math.nan], [math.nan, 0.0]], [[1.0, 0.0]]]
)
def test_alpha_without_two_different_judgements_of_shared_items_is_not_defined(alpha, table):
    with pytest.raises(ValueError, match="alpha is not defined"):
        alpha(torch.tensor(table))
