import numpy as np
import pytest
import torch
from jaxtyping import config

from rlhf_lab.feedback.labelled import Labelled
from rlhf_lab.feedback.ranked import Ranked
from rlhf_lab.responses import Preferences, Responses, Rollout, pad, trim


def test_prompts_are_padded_left_and_responses_right():
    batch = pad([[7], [8, 9]], [[1, 2, 3], [4]], pad_token=50256)
    assert batch.prompts.tolist() == [[50256, 7], [8, 9]]
    assert batch.prompt_mask.tolist() == [[False, True], [True, True]]
    assert batch.tokens.tolist() == [[1, 2, 3], [4, 50256, 50256]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]


def test_a_pad_token_inside_a_response_stays_real():
    """GPT-2 pads with its end-of-sequence token: the mask must not come from ids != pad."""
    batch = pad([[1]], [[5, 0]], pad_token=0)
    assert batch.mask.all()


def test_trim_removes_padding_columns_only():
    batch = pad([[7], [8, 9]], [[1, 2, 3], [4]])[torch.tensor([0])]
    trimmed = trim(pad([[7], [8, 9]], [[1, 2, 3], [4]])[torch.tensor([1])])
    assert trim(batch).prompts.tolist() == [[7]]
    assert trim(batch).tokens.tolist() == [[1, 2, 3]]
    assert trimmed.prompts.tolist() == [[8, 9]]
    assert trimmed.tokens.tolist() == [[4]]


@pytest.mark.parametrize(
    ("prompts", "responses", "message"),
    [
        ([[1]], [[]], "responses: every row needs at least one token, row 0 has none"),
        ([[1], []], [[1]], "prompts: every row needs at least one token, row 1 has none"),
        ([], [], "prompts: there are no rows"),
        (
            ["abc"],
            [[1]],
            "prompts: row 0 must be a list of token ids, got 'abc'; a tokenizer makes",
        ),
        ([[1]], "abc", "responses: row 0 must be a list of token ids, got 'a'"),
        ([1, 2], [[1]], "prompts: row 0 must be a list of token ids, got '1'"),
        ({"input_ids": [[1]]}, [[1]], "prompts must be a list of lists of token ids, got dict"),
        (
            torch.ones(1, 2).long(),
            [[1]],
            "got Tensor; give a tokenizer's input_ids without padding",
        ),
        ([[1.0]], [[1]], "prompts: row 0 must hold whole numbers, got 1.0"),
        ([[1]], [[1], [2, None]], "responses: row 1 must hold whole numbers, got None"),
        ([[[1, 2]]], [[1]], r"prompts: row 0 must hold whole numbers, got \[1, 2\]"),
        (
            [[1]],
            torch.ones(1, 1).unbind(),
            "responses must hold token ids, whole numbers, got torch",
        ),
    ],
)
def test_what_are_no_rows_of_token_ids_is_refused(prompts, responses, message):
    config.update("jaxtyping_disable", True)  # users have no shape checker
    with pytest.raises(ValueError, match=message):
        pad(prompts, responses)


@pytest.mark.parametrize("targets", [torch.ones(1).long(), torch.ones(1).bool(), [1.0]])
def test_targets_are_floats(targets):
    config.update("jaxtyping_disable", True)
    with pytest.raises(ValueError, match=r"targets must be a tensor of floats, got \S+; use"):
        Labelled(pad([[1]], [[2]]), targets)


def test_rows_may_be_arrays():
    config.update("jaxtyping_disable", True)
    rows = [torch.tensor([7]), np.array([8, 9])]
    assert torch.equal(pad(rows, rows).prompts, pad([[7], [8, 9]], [[7], [8, 9]]).prompts)


def test_wrong_padding_side_is_refused():
    ids, left = torch.ones(1, 2, dtype=torch.long), torch.tensor([[False, True]])
    with pytest.raises(ValueError, match="responses must be padded on the right"):
        Responses(ids, torch.ones(1, 2).bool(), ids, left)
    with pytest.raises(ValueError, match="prompts must be padded on the left"):
        Responses(ids, left.flip(1), ids, torch.ones(1, 2).bool())


def test_an_empty_row_of_a_mask_is_refused():
    ids, full = torch.ones(1, 2, dtype=torch.long), torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match="tokens: every row needs at least one real token"):
        Responses(ids, full, ids, ~full)


def test_mask_of_another_shape_or_type_is_refused():
    ids, full = torch.ones(1, 2, dtype=torch.long), torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"one shape .* got \(1, 2\) and \(1, 1\)"):
        _build(ids, full, ids, full[:, :1])
    with pytest.raises(ValueError, match="got 2 prompts for 1 responses"):
        _build(ids.expand(2, 2), full.expand(2, 2), ids, full)
    with pytest.raises(ValueError, match=r"int64 with a bool mask, got torch\.int32"):
        _build(ids, full, ids.int(), full)


def _build(*arrays):
    """The checks of Responses itself, with the test suite's shape checker out of the way."""
    responses = object.__new__(Responses)
    for name, array in zip(("prompts", "prompt_mask", "tokens", "mask"), arrays, strict=True):
        object.__setattr__(responses, name, array)
    responses.__post_init__()


def test_chosen_and_rejected_must_share_their_prompts():
    with pytest.raises(ValueError, match="same prompts"):
        Preferences(pad([[1]], [[2]]), pad([[3]], [[2]]))


def test_slicing_keeps_pairs_together():
    pairs = Preferences(pad([[1], [2]], [[3], [4]]), pad([[1], [2]], [[5], [6]]))
    second = pairs[torch.tensor([1])]
    assert len(pairs) == 2
    assert (second.chosen.tokens.item(), second.rejected.tokens.item()) == (4, 6)


@pytest.mark.parametrize("rows", [0, (slice(None), slice(1, None)), None, torch.tensor([[0, 1]])])
def test_what_does_not_pick_whole_rows_is_refused(rows):
    """Picked rows are not checked as new ones are, so that they must be whole rows."""
    batch, ranked = pad([[1], [2]], [[3, 4], [5]]), Ranked(pad([[1]] * 4, [[2]] * 4), 2)
    both = Preferences(batch, batch), Labelled(batch, torch.zeros(2))
    config.update("jaxtyping_disable", True)  # users have no shape checker
    for kind in (batch, *both):
        with pytest.raises(ValueError, match=r"rows must be a slice, as \[3:4\]"):
            kind[rows]
    with pytest.raises(IndexError, match="too many indices"):
        ranked[:2, :1]


def test_a_selection_of_no_rows_is_refused():
    batch = pad([[1], [2]], [[3, 4], [5]])
    for kind in (batch, Preferences(batch, batch), Labelled(batch, torch.zeros(2))):
        for rows in (slice(2, None), torch.tensor([], dtype=torch.long)):
            with pytest.raises(ValueError, match="no rows of Responses were selected"):
                kind[rows]


def test_picked_rows_pass_the_checks_of_new_ones():
    batch = pad([[1], [2, 3], [4]], [[3, 4], [5], [6]])
    ranked = Ranked(pad([[1]] * 3 + [[2]] * 3, [[n] for n in range(6)]), 3)
    for rows in (slice(None, None, 2), torch.tensor([-1, 0, -1])):
        picked = Labelled(batch, torch.zeros(3))[rows], Preferences(batch, batch)[rows]
        for one in (batch[rows], trim(batch[rows]), *picked):
            one.__post_init__()
    for rows in (slice(1, None), torch.tensor([-1, 0])):
        ranked[rows].__post_init__()
        assert ranked[rows].responses.tokens[:3].flatten().tolist() == [3, 4, 5]


def test_a_batch_moves_to_a_device_and_to_no_other_type():
    batch = pad([[1]], [[2]])
    config.update("jaxtyping_disable", True)  # users have no shape checker
    assert batch.to("cpu").tokens.dtype == torch.long
    with pytest.raises(TypeError, match="device=torch"):
        batch.to(torch.float32)


def test_rollout_logprobs_must_fit_the_responses():
    batch = pad([[1]], [[2, 3]])
    with pytest.raises(ValueError, match="responses' shape"):
        Rollout(batch, torch.zeros(1, 3))


def test_prompts_that_differ_in_their_mask_alone_are_refused():
    ids, tokens = torch.ones(1, 2, dtype=torch.long), torch.ones(1, 1, dtype=torch.long)
    full, real = torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 1, dtype=torch.bool)
    short = torch.tensor([[False, True]])
    with pytest.raises(ValueError, match="their prompts differ"):
        Preferences(Responses(ids, full, tokens, real), Responses(ids, short, tokens, real))


def test_the_ids_at_pads_do_not_make_a_prompt_another_one():
    zeros, nines = (pad([[1], [2, 3]], [[4], [5]], pad_token=token) for token in (0, 9))
    assert len(Preferences(zeros, nines)) == 2
    pairs = zip(zeros.arrays, nines.arrays, strict=True)
    both = Responses(*(torch.stack(pair, 1).flatten(0, 1) for pair in pairs))
    assert len(Ranked(both, 2)) == 2
