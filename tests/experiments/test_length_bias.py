"""A table that writes: lengths under GRPO's own divisor and under one for all."""

import pytest
import torch

from rlhf_lab.experiments import length_bias
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.masked import sum_over_tokens


@pytest.fixture(scope="module")
def runs():
    return {
        settings["divisor"]: length_bias.run(0, **settings)
        for settings in length_bias.VARIANTS.values()
    }


def test_both_learn_the_right_answer(runs):
    assert all(run["right"][-1] > 0.9 > 0.7 > run["right"][0] for run in runs.values())


def test_the_own_length_shortens_right_answers_and_one_divisor_does_not(runs):
    change = {
        name: run["length_of_right"][-1] - run["length_of_right"][0] for name, run in runs.items()
    }
    assert change["own"] < -0.25
    assert abs(change["one"]) < 0.1


def test_at_its_own_samples_one_divisor_is_a_third_of_the_plain_policy_gradient():
    """-Σ_i Â_i ∇log π(y_i) / (3 n), by autograd of whole responses."""
    policy = length_bias.writer(1)
    responses = length_bias.answers(policy, 16, torch.Generator().manual_seed(0))
    advantages = length_bias.right(responses) - 0.5
    logprobs = response_logprobs(policy, responses, min_tokens=2, end_token=length_bias.END)
    loss = length_bias.one_divisor(
        logprobs, advantages[:, None].expand(logprobs.shape), responses.mask
    )
    plain = -(advantages * sum_over_tokens(logprobs, responses.mask)).mean() / 3
    found, expected = (
        torch.autograd.grad(x, policy.table, retain_graph=True)[0] for x in (loss, plain)
    )
    assert torch.allclose(found, expected)
    assert found.abs().max() > 1e-3
