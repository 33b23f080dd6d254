"""The package against trl 1.16, on numbers that tools/golden_trl.py wrote down.

`tables`: trl's loss on given log-probs, in float64. `model`: trl's whole path from a GPT-2's
weights to the loss and its gradient, in float32. Prompts have one to nine tokens, padded on the
right by trl and on the left by us; the pad token is the end-of-sequence token, as in GPT-2.
"""

import json
from pathlib import Path

import pytest
import torch

from rlhf_lab.compatibility import check_fits
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.losses import dpo_loss, implicit_reward
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad

GOLDEN = json.loads((Path(__file__).parent / "golden" / "trl_1_16_dpo.json").read_text())
DEPARTURES = GOLDEN["departures"]
SIDES = ("chosen", "rejected")
FLOAT32_STEP = 4e-6  # nats: how finely trl's float32 holds the longest log-prob, -33
TABLES = {
    f"{case['name']}, beta {result['beta']}": (case, result)
    for case in GOLDEN["tables"]
    for result in case["results"]
}
MODELS = {f"beta {result['beta']}": result for result in GOLDEN["model"]["results"]}
for_each_table = pytest.mark.parametrize(("case", "expected"), TABLES.values(), ids=TABLES)
for_each_model = pytest.mark.parametrize("expected", MODELS.values(), ids=MODELS)


def batch(side, *, longest=None):
    """One side of the recorded pairs, each cut to `longest` tokens of prompt and response."""
    prompts = [row["prompt_ids"] for row in GOLDEN["rows"]]
    whole = [row["prompt_ids"] + row[f"{side}_ids"] for row in GOLDEN["rows"]]
    cut = [ids[len(prompt) : longest] for prompt, ids in zip(prompts, whole, strict=True)]
    return pad(prompts, cut, pad_token=GOLDEN["end_token"])


def table(pairs, side):
    """The written log-probs of one side as a leaf; NaN, which nothing may read, at the pads."""
    mask = batch(side).mask
    values = torch.full(mask.shape, float("nan"), dtype=torch.float64)
    values[mask] = torch.tensor([x for pair in pairs for x in pair[side]], dtype=torch.float64)
    return values.requires_grad_()


def table_reward(policy, reference, side, beta):
    mask = batch(side).mask
    return implicit_reward(
        sum_over_tokens(policy, mask), sum_over_tokens(reference, mask), beta=beta
    )


def model(name, dtype=torch.float32):
    """The package's GPT-2 with the weights that trl's had, rounded to float32 as they were."""
    gpt2 = tiny_gpt2(**GOLDEN["model"]["size"], seed=0).to(dtype)
    with torch.no_grad():
        for key, weight in gpt2.named_parameters():
            weight.copy_(torch.tensor(GOLDEN["model"]["weights"][name][key]) / 100)
    return gpt2


def model_rewards(policy, reference, *, beta, longest=None):
    """Implicit rewards of chosen and rejected: logits, shift, mask, sum, all by the package."""
    batches = [batch(side, longest=longest) for side in SIDES]
    return [
        implicit_reward(sequence_logprobs(policy, b), sequence_logprobs(reference, b), beta=beta)
        for b in batches
    ]


def close(actual, expected, tolerance=1e-6):
    """|actual - expected| ≤ tolerance · (1 + |expected|) everywhere."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    return torch.allclose(actual.double(), expected, rtol=tolerance, atol=tolerance)


def check_pairs(rewards, expected, tolerance):
    """Rewards, margins and losses of the single pairs."""
    for side, reward in zip(SIDES, rewards, strict=True):
        assert close(reward, expected[f"{side}_rewards"], tolerance)
    assert close(rewards[0] - rewards[1], expected["margins"], tolerance)
    pairs = zip(rewards[0].split(1), rewards[1].split(1), strict=True)
    losses = torch.stack([dpo_loss(*pair) for pair in pairs])
    assert close(losses, expected["pair_losses"], tolerance)


@for_each_table
def test_loss_and_gradient_of_given_logprobs_are_those_of_trl(case, expected):
    policy = {side: table(case["policy"], side) for side in SIDES}
    rewards = [
        table_reward(policy[side], table(case["reference"], side), side, expected["beta"])
        for side in SIDES
    ]
    check_pairs(rewards, expected, tolerance=1e-12)
    loss = dpo_loss(*rewards)
    assert close(loss, expected["loss"], tolerance=1e-12)
    loss.backward()
    for side in SIDES:
        mask, gradient = batch(side).mask, policy[side].grad
        by_trl = [x for pair in expected["gradients"] for x in pair[side]]
        assert close(gradient[mask], by_trl, tolerance=1e-12)
        assert (gradient[~mask] == 0).all()


@for_each_model
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_loss_of_a_gpt2_is_that_of_trl_for_prompts_of_any_length(expected, dtype):
    policy, reference = model("policy", dtype), model("reference", dtype)
    for side in SIDES:
        logprobs = sequence_logprobs(policy, batch(side))
        assert close(logprobs, expected[f"{side}_logprobs"])
    rewards = model_rewards(policy, reference, beta=expected["beta"])
    check_pairs(rewards, expected, max(1e-6, 2 * expected["beta"] * FLOAT32_STEP))
    assert close(dpo_loss(*rewards), expected["loss"])


@for_each_model
def test_gradient_of_every_weight_has_the_norm_that_trl_finds(expected):
    policy = model("policy")
    dpo_loss(*model_rewards(policy, model("reference"), beta=expected["beta"])).backward()
    norms = {key: weight.grad.norm() for key, weight in policy.named_parameters()}
    assert norms.keys() == expected["gradient_norms"].keys()
    for key, norm in norms.items():
        assert close(norm, expected["gradient_norms"][key]), key


def test_trl_cuts_the_end_of_long_responses_in_silence_and_the_package_refuses():
    """The cut drops the end-of-sequence token; here it moves the loss by 0.195 nats."""
    longest, policy, reference = DEPARTURES["max_length"], model("policy"), model("reference")
    whole = dpo_loss(*model_rewards(policy, reference, beta=DEPARTURES["beta"]))
    cut = dpo_loss(*model_rewards(policy, reference, beta=DEPARTURES["beta"], longest=longest))
    assert close(cut, DEPARTURES["cut_at_max_length"])
    assert (whole - cut).item() == pytest.approx(0.1948, abs=1e-4)
    short = tiny_gpt2(**(GOLDEN["model"]["size"] | {"context": longest}), seed=0)
    with pytest.raises(ValueError, match="prompt and response together have up to 20 tokens"):
        check_fits(short, batch("rejected"))


def test_trl_takes_an_empty_response_for_reward_zero_and_the_package_refuses():
    """A response of no tokens has log-prob 0 under both models, so it trains only the other."""
    rewards = model_rewards(model("policy"), model("reference"), beta=DEPARTURES["beta"])
    rewards[0] = torch.cat([torch.zeros(1), rewards[0][1:]])
    assert close(dpo_loss(*rewards), DEPARTURES["first_chosen_empty"])
    with pytest.raises(ValueError, match="at least one token"):
        pad([[1, 2]], [[]])


def test_trl_by_default_computes_in_bfloat16_and_departs_from_its_own_float32():
    """7.9e-4 nats of loss on this tiny model; how much depends on the machine that ran it."""
    exact = MODELS[f"beta {DEPARTURES['beta']}"]["loss"]
    assert abs(exact - DEPARTURES["bf16"]) > 1e-4
