import pytest
import torch
from jaxtyping import config

from rlhf_lab.feedback.batches import preferences_batch, ranked_batch, rated_batch, thumbs_batch
from rlhf_lab.feedback.conversions import as_pairs
from rlhf_lab.feedback.kinds import Comparison, Ranking, Rating, Source, Thumb
from rlhf_lab.feedback.labelled import Labelled
from rlhf_lab.feedback.ranked import Ranked, all_pairs, ranked_pairs
from rlhf_lab.responses import Preferences, pad

BY = {"source": Source.HUMAN, "annotator": "ada"}
RANKINGS = [
    Ranking(**BY, prompt="ab", responses=("x", "", "yz")),
    Ranking(**BY, prompt="c", responses=("yyy", "z", "zx")),
]


def encode(prompt, response):
    """A letter is its number; 0 ends a response, as no response may be empty."""
    return [ord(x) - 96 for x in prompt], [*(ord(x) - 96 for x in response), 0]


def decoded(responses):
    rows = zip(responses.tokens, responses.mask, strict=True)
    return ["".join(chr(96 + t) for t in tokens[mask].tolist()[:-1]) for tokens, mask in rows]


def prompts(responses):
    rows = zip(responses.prompts, responses.prompt_mask, strict=True)
    return ["".join(chr(96 + t) for t in tokens[mask].tolist()) for tokens, mask in rows]


def test_comparisons_become_preferences():
    pairs = as_pairs(RANKINGS).comparisons
    batch = preferences_batch(pairs, encode)
    assert prompts(batch.chosen) == [pair.prompt for pair in pairs]
    assert decoded(batch.chosen) == [pair.chosen for pair in pairs]
    assert decoded(batch.rejected) == [pair.rejected for pair in pairs]


def test_rankings_keep_a_prompts_responses_together():
    batch = ranked_batch(RANKINGS, encode)
    assert (len(batch), batch.size) == (2, 3)
    assert decoded(batch.responses) == ["x", "", "yz", "yyy", "z", "zx"]
    assert prompts(batch.responses) == ["ab"] * 3 + ["c"] * 3
    second = batch[torch.tensor([1])]
    assert decoded(second.responses) == ["yyy", "z", "zx"]
    assert decoded(batch[1:].responses) == decoded(second.responses)


def test_all_pairs_of_a_ranking_are_those_of_its_text():
    pairs = all_pairs(ranked_batch(RANKINGS, encode))
    expected = as_pairs(RANKINGS).comparisons
    assert decoded(pairs.chosen) == [c.chosen for c in expected]
    assert decoded(pairs.rejected) == [c.rejected for c in expected]
    assert prompts(pairs.rejected) == [c.prompt for c in expected]


def test_a_pair_is_a_ranking_of_two_and_back():
    pairs = Preferences(pad([[1, 2], [3]], [[1], [2]]), pad([[1, 2], [3]], [[3, 3, 3], [4, 4]]))
    ranked = ranked_pairs(pairs)
    assert (len(ranked), ranked.size) == (2, 2)
    back = all_pairs(ranked)
    assert decoded(back.chosen) == decoded(pairs.chosen)
    assert decoded(back.rejected) == decoded(pairs.rejected)


def test_ratings_are_moved_to_0_to_1_and_thumbs_stay_unpaired():
    ratings = [Rating(**BY, prompt="a", response="x", score=s, points=5) for s in range(1, 6)]
    assert rated_batch(ratings, encode).targets.tolist() == [0, 0.25, 0.5, 0.75, 1]
    thumbs = [Thumb(**BY, prompt="a", response=r, up=up) for r, up in (("x", True), ("y", False))]
    batch = thumbs_batch(thumbs, encode)
    assert decoded(batch.responses) == ["x", "y"]
    assert batch.targets.tolist() == [1, 0]
    assert batch[1:].targets.tolist() == [0]


@pytest.mark.parametrize(
    ("batch", "kind"),
    [
        (preferences_batch, "Comparison"),
        (ranked_batch, "Ranking"),
        (rated_batch, "Rating"),
        (thumbs_batch, "Thumb"),
    ],
)
def test_feedback_of_another_kind_is_named(batch, kind):
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match=f"item 0 must be {kind}, got str"):
        batch(["x"], encode)


def test_a_batch_moves_whole():
    pairs = all_pairs(ranked_batch(RANKINGS, encode)).to("meta")
    thumbs = thumbs_batch([Thumb(**BY, prompt="a", response="x", up=True)], encode).to("meta")
    ranked = ranked_batch(RANKINGS, encode).to("meta")
    moved = (pairs.chosen, pairs.rejected, thumbs.responses, ranked.responses)
    arrays = [array for responses in moved for array in responses.arrays]
    assert {array.device.type for array in (*arrays, thumbs.targets)} == {"meta"}


def test_batches_that_do_not_fit_are_refused():
    longer = Ranking(**BY, prompt="a", responses=("x", "y"))
    with pytest.raises(ValueError, match=r"all have one length, got \[2, 3\]"):
        ranked_batch([*RANKINGS, longer], encode)
    with pytest.raises(ValueError, match=r"all have one length, got \[\]"):
        ranked_batch([], encode)
    with pytest.raises(ValueError, match="there are no rows"):
        preferences_batch([], encode)
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match="item 1 must be Comparison, got Ranking"):
        preferences_batch([*as_pairs(RANKINGS[:1]).comparisons[:1], longer], encode)
    with pytest.raises(ValueError, match="divide the 3 rows, got 2"):
        Ranked(pad([[1]] * 3, [[1]] * 3), 2)
    for targets, message in (([0.5], "needs one target, got .*(1,)"), ([0.5, 2], "lie in 0..1")):
        with pytest.raises(ValueError, match=message):
            Labelled(pad([[1]] * 2, [[1]] * 2), torch.tensor(targets))
    with pytest.raises(ValueError, match="answer one prompt: their prompts differ"):
        Ranked(pad([[1], [2]], [[1], [1]]), 2)

    def of_both(prompt, response):
        return ([1], [1]) if response == "x" else ([2], [1])

    pair = Comparison(**BY, prompt="a", chosen="x", rejected="y")
    with pytest.raises(ValueError, match="must answer the same prompts"):
        preferences_batch([pair], of_both)
