"""What a page prints of a function: what to do, what is wrong, or that it is right."""

import pytest
from right_functions import right_function

from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.checks.verdict import verdict


@pytest.mark.parametrize("name", exercises)
def test_of_a_function_still_to_be_written_it_says_what_to_do(name):
    said = verdict(name, lambda **arguments: None)
    words = " ".join(said.split())
    assert words.startswith(f"{name}: to do. Return {exercises[name].asks}.")
    assert max(map(len, said.split("\n"))) <= 72


def test_it_names_every_argument_and_its_kind():
    said = verdict("response_logprobs", lambda **arguments: None)
    for words in ("logits: numbers, shape (3, 7, 5)", "ids: whole numbers", "prompt_length: such"):
        assert words in said
    assert "mask: true and false" in verdict("gae", lambda **arguments: None)
    assert "rewards: a list of" in verdict("returns_to_go", lambda **arguments: None)


def test_it_says_what_the_check_says():
    assert "right on" in verdict("gae", right_function(exercises["gae"]), seed=5)
    assert "case 1" in verdict("k1", lambda policy_logprobs, reference_logprobs: policy_logprobs)
    assert "TypeError" in verdict("k1", lambda: None)


def test_an_unknown_name_is_an_error():
    with pytest.raises(ValueError, match="no exercise is called 'gea'"):
        verdict("gea", lambda: None)
