"""The review world as tokens: round trips, padding, rewards by hand and labels by frequency."""

import math

import pytest
import torch

from rlhf_lab.responses import Responses, pad
from rlhf_lab.worlds.review_grammar import is_fluent, write_texts
from rlhf_lab.worlds.review_rules import ASPECT
from rlhf_lab.worlds.reviews import (
    BEGIN,
    END,
    VOCABULARY,
    decode,
    encode,
    gold_rewards,
    label_pairs,
    prompts,
    texts,
    training_texts,
)

GOOD, BAD = "the plot was superb .", "the plot was awful ."


def answers(*endings: str, finish: bool = True) -> Responses:
    """Rows that begin with "the plot" and go on as given."""
    rows = [[*encode(ending), *([END] if finish else [])] for ending in endings]
    return pad([[BEGIN, *encode("the plot")]] * len(rows), rows)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_vocabulary_has_each_word_once_and_no_stand_in():
    assert len(set(VOCABULARY)) == len(VOCABULARY) == 105
    assert ASPECT not in VOCABULARY
    assert (VOCABULARY[BEGIN], VOCABULARY[END]) == ("<begin>", "<end>")


def test_every_text_survives_encoding():
    written = write_texts(500, seed=0)
    assert [decode([BEGIN, *encode(text), END]) for text in written] == written
    # Every word but the two control tokens is in use.
    used = {word for text in write_texts(3000, seed=1) for word in text.split()}
    assert used == set(VOCABULARY[2:])


def test_decoding_stops_at_the_first_end_and_hides_nothing_else():
    ids = encode(GOOD)
    assert decode([BEGIN, *ids, END, *ids, END]) == GOOD
    assert decode([*ids, BEGIN]) == f"{GOOD} <begin>"
    assert decode([END]) == decode([]) == ""


def test_an_unknown_word_is_named():
    with pytest.raises(ValueError, match="unknown word 'zebra'"):
        encode("the zebra was good .")


@pytest.mark.parametrize("token", [-1, 105])
def test_an_id_outside_the_vocabulary_is_named(token: int):
    with pytest.raises(ValueError, match=f"0 to 104, got {token}"):
        decode([2, token])


def test_training_texts_are_the_grammars_texts_between_begin_and_end():
    batch = training_texts(200, seed=7)
    assert texts(batch) == write_texts(200, seed=7)
    assert (batch.prompts == BEGIN).all()
    last = batch.tokens.gather(1, batch.mask.sum(dim=1, keepdim=True) - 1)
    assert (last == END).all()
    assert ((batch.tokens == END) & batch.mask).sum() == 200


def test_prompts_begin_reviews_and_end_no_sentence():
    drawn = prompts(400, seed=3)
    assert {ids[0] for ids in drawn} == {BEGIN}
    assert {len(ids) - 1 for ids in drawn} == {1, 2, 3, 4}
    period = encode(".")[0]
    assert all(period not in ids and END not in ids for ids in drawn)
    openings = {decode(ids) for ids in drawn}
    assert "the capital" not in openings
    assert any(opening.startswith("it was a") for opening in openings)


def test_one_seed_gives_one_set_of_prompts_and_texts():
    assert prompts(20, seed=1) == prompts(20, seed=1) != prompts(20, seed=2)
    assert write_texts(20, seed=1) == write_texts(20, seed=1) != write_texts(20, seed=2)


@pytest.mark.parametrize("function", [prompts, training_texts])
def test_a_count_below_one_is_refused(function):
    with pytest.raises(ValueError, match="count must be a whole number, 1 or above, got 0"):
        function(0, seed=0)


def test_gold_rewards_by_hand():
    rewards = gold_rewards(answers("was superb .", "was awful .", "was superb", "superb ."))
    expected = [math.tanh(1), math.tanh(-2 / 3), math.tanh(1) - 0.5, math.tanh(1) - 0.5]
    torch.testing.assert_close(rewards, torch.tensor(expected))


def test_a_response_without_end_token_is_unfinished():
    finished = gold_rewards(answers("was good ."))
    unfinished = gold_rewards(answers("was good .", finish=False))
    torch.testing.assert_close(finished - unfinished, torch.tensor([0.5]))


def test_what_follows_the_end_token_counts_for_nothing():
    long = pad([[BEGIN]], [[*encode(GOOD), END, *encode(BAD), END]])
    short = pad([[BEGIN]], [[*encode(GOOD), END]])
    assert gold_rewards(long) == gold_rewards(short)


def test_a_prompt_that_has_ended_is_refused():
    """Its response would not be read: each would have the gold reward of no text. Pads may be."""
    batch = pad([[BEGIN], [BEGIN, END]], [[*encode(GOOD), END], [*encode(BAD), END]])
    for read in (gold_rewards, texts):
        with pytest.raises(ValueError, match=r"without the end token \(1\), .* row 1 has it"):
            read(batch)
    padded = pad([[BEGIN], [BEGIN, *encode("the")]], [[*encode(GOOD), END]] * 2, pad_token=END)
    assert (padded.prompts == END).any()
    assert gold_rewards(padded[:1]) == gold_rewards(pad([[BEGIN]], [[*encode(GOOD), END]]))


def test_padding_changes_no_reward():
    rows = [[*encode(text), END] for text in write_texts(30, seed=4)]
    cuts = [1 + number % 4 for number in range(30)]
    openings = [[BEGIN, *row[:cut]] for row, cut in zip(rows, cuts, strict=True)]
    rests = [row[cut:] for row, cut in zip(rows, cuts, strict=True)]
    together = gold_rewards(pad(openings, rests, pad_token=encode("superb")[0]))
    alone = [gold_rewards(pad([o], [r])) for o, r in zip(openings, rests, strict=True)]
    assert together.tolist() == torch.cat(alone).tolist()


def test_texts_of_a_batch_are_fluent_as_written():
    assert all(is_fluent(text) for text in texts(training_texts(50, seed=9)))


def test_labels_are_bradley_terry_at_their_temperature():
    count, temperature = 2000, 0.7
    first = answers(*["was good ."] * count)
    second = answers(*["was awful ."] * count)
    labelled = label_pairs(first, second, temperature=temperature, generator=generator())
    share = (gold_rewards(labelled.chosen) > 0).double().mean().item()
    gap = math.tanh(1 / 3) - math.tanh(-2 / 3)
    expected = 1 / (1 + math.exp(-gap / temperature))
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / count)


def test_at_temperature_zero_the_better_always_wins_and_ties_are_a_fair_coin():
    count = 400
    first = answers(*["was good .", "was dull .", "was good ."] * count)
    second = answers(*["was not very awful .", "was nice .", "was nice ."] * count)
    labelled = label_pairs(first, second, temperature=0, generator=generator())
    assert len(labelled) == 3 * count
    chosen = torch.tensor([text.endswith("nice .") for text in texts(labelled.chosen)])
    assert chosen[1::3].all()
    assert abs(chosen[2::3].double().mean() - 0.5) < 4 * 0.5 / math.sqrt(count)
    assert not any(text.endswith("good .") for text in texts(labelled.chosen[0 : 3 * count : 3]))
    assert (gold_rewards(labelled.chosen) >= gold_rewards(labelled.rejected)).all()


def test_a_pair_stays_together_whoever_wins():
    first = answers("was good .", "was dull .", "was superb . we loved the cast .")
    second = answers("was bad .", "was nice .", "was weak .")
    for seed in range(5):
        labelled = label_pairs(first, second, temperature=5.0, generator=generator(seed))
        pairs = zip(texts(labelled.chosen), texts(labelled.rejected), strict=True)
        originals = zip(texts(first), texts(second), strict=True)
        assert [set(pair) for pair in pairs] == [set(pair) for pair in originals]


def test_different_prompts_are_refused():
    other = pad([[BEGIN, *encode("the cast")]], [[*encode("was good ."), END]])
    with pytest.raises(ValueError, match="must answer the same prompts"):
        label_pairs(answers("was good ."), other, temperature=1.0, generator=generator())


@pytest.mark.parametrize("temperature", [-1.0, math.inf, math.nan])
def test_a_temperature_that_is_none_is_refused(temperature: float):
    batch = answers("was good .")
    with pytest.raises(ValueError, match=f"temperature must be .*, got {temperature}"):
        label_pairs(batch, batch, temperature=temperature, generator=generator())
