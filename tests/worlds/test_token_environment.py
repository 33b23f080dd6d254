"""Writing token by token gives what sampling a batch gives: the same text and reward."""

from itertools import pairwise

import pytest
import torch
from jaxtyping import config

from rlhf_lab.logprobs import response_logits, sequence_logprobs
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.sampling import sample
from rlhf_lab.worlds.reviews import BEGIN, END, VOCABULARY, encode, gold_rewards
from rlhf_lab.worlds.token_environment import TokenEnvironment

PROMPTS = [[BEGIN, *encode("the plot")], [BEGIN, *encode("we")]]


def environment(**changes):
    settings = {"vocabulary": len(VOCABULARY), "end_token": END, "max_tokens": 8} | changes
    return TokenEnvironment(PROMPTS, gold_rewards, **settings)


def written(number, tokens, **changes):
    world = environment(**changes)
    world.reset(number)
    return [world.step(token) for token in tokens]


def test_the_states_and_rewards_are_those_of_a_sampled_response():
    model = tiny_gpt2(len(VOCABULARY), layers=1, width=16, heads=1, context=32, seed=0)
    openings = pad(PROMPTS, [[END]] * 2)
    generator = torch.Generator().manual_seed(0)
    arguments = {"max_tokens": 8, "end_token": END, "generator": generator}
    responses = sample(model, openings.prompts, openings.prompt_mask, **arguments).responses
    for row in range(2):
        tokens = responses.tokens[row][responses.mask[row]].tolist()
        steps = written(row, tokens)
        assert [step.reward for step in steps[:-1]] == [0.0] * (len(tokens) - 1)
        assert steps[-1].reward == pytest.approx(gold_rewards(responses)[row].item())
        assert steps[-1].terminated is (tokens[-1] == END)
        assert steps[-1].truncated is (tokens[-1] != END)
        log_pi = 0.0
        for step in steps:  # the agent reads the state and nothing else
            logits = response_logits(model, pad([step.state], [[step.action]]))[0, 0]
            log_pi += logits.log_softmax(dim=-1)[step.action].item()
        assert log_pi == pytest.approx(sequence_logprobs(model, responses)[row].item(), abs=1e-4)


def test_each_state_is_the_one_before_with_its_token():
    steps = written(0, [*encode("was superb ."), END])
    assert steps[0].state == tuple(PROMPTS[0])
    for before, after in pairwise(steps):
        assert after.state == before.next_state == (*before.state, before.action)
    assert [step.reward for step in steps] == [0, 0, 0, pytest.approx(0.7616, abs=1e-4)]


def test_a_response_is_cut_at_its_greatest_length():
    *_, last = written(1, encode("loved the plot"), max_tokens=3)
    assert last.truncated
    assert not last.terminated
    assert last.reward < 0.5  # unfinished


def test_an_end_that_is_the_last_token_allowed_is_no_cut():
    *_, last = written(1, [*encode("loved the plot ."), END], max_tokens=5)
    assert last.terminated
    assert not last.truncated


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (["the plot"], "row 0 must be a list of token ids, got 'the plot'"),
        ([[BEGIN], []], "row 1 has none"),
        ([], "there are no rows"),
        ([[BEGIN], [BEGIN, len(VOCABULARY)]], f"row 1 has {BEGIN}..{len(VOCABULARY)}"),
        ([[-1]], "row 0 has -1..-1"),
    ],
)
def test_prompts_that_are_no_rows_of_token_ids_are_refused(prompts, words):
    config.update("jaxtyping_disable", True)  # users have no shape checker
    settings = {"vocabulary": len(VOCABULARY), "end_token": END, "max_tokens": 8}
    with pytest.raises(ValueError, match=words):
        TokenEnvironment(prompts, gold_rewards, **settings)


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match="end_token"):
        environment(end_token=len(VOCABULARY))
    world = environment()
    with pytest.raises(RuntimeError, match="reset"):
        world.step(END)
    world.reset(0)
    with pytest.raises(ValueError, match="token"):
        world.step(len(VOCABULARY))
    world.step(END)
    with pytest.raises(RuntimeError, match="reset"):
        world.step(END)
