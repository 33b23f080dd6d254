"""The package against trl 0.11.4 (PPO), trl 1.16 (GRPO) and verl 0.9.1, on recorded numbers.

The files under tests/golden name the script in tools/ that wrote them. Padding holds NaN here
and ordinary numbers there: nothing that is compared may depend on it.
"""

import json
from pathlib import Path

import pytest
import torch

from rlhf_lab.advantages import (
    centred_outcome_advantages,
    gae,
    group_outcome_advantages,
    token_rewards,
)
from rlhf_lab.diagnostics import clip_fraction, entropy
from rlhf_lab.kl import adapted_kl_coef, k1, k2, k3
from rlhf_lab.losses import (
    clipped_policy_loss,
    clipped_surrogate,
    clipped_value_loss,
    grpo_loss,
    probability_ratio,
)
from rlhf_lab.masked import (
    masked_mean,
    mean_over_tokens,
    scale_to_unit_variance,
    sum_over_tokens,
    whiten,
)

FOLDER = Path(__file__).parent / "golden"
PPO, GRPO, VERL = (
    json.loads((FOLDER / f"{name}.json").read_text())
    for name in ("trl_0_11_4_ppo", "trl_1_16_grpo", "verl_0_9_1")
)
MASK = torch.arange(max(PPO["lengths"])) < torch.tensor(PPO["lengths"])[:, None]
ONE_AT_A_PAD = torch.where(MASK, 0.0, torch.nan).double()  # added: NaN wherever padding is


def tensor(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def inputs(golden, *names):
    """Recorded inputs with NaN at the pads; those that have one number a response as they are."""
    assert golden["lengths"] == PPO["lengths"]
    found = [tensor(golden["inputs"][name]) for name in names]
    return [x + ONE_AT_A_PAD if x.dim() == 2 else x for x in found]


def close(actual, expected, tolerance=1e-6):
    """At real tokens, or everywhere for what is no (batch, token) array."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    if expected.shape == MASK.shape:
        actual, expected = actual[MASK], expected[MASK]
    return torch.allclose(actual.double(), expected, rtol=tolerance, atol=tolerance)


def gradient(loss, x):
    x = x.clone().requires_grad_()
    found = torch.autograd.grad(loss(x), x)[0]
    assert (found[~MASK] == 0).all()
    return found


def test_token_rewards_are_those_of_trls_ppo():
    old, reference, scores = inputs(PPO, "old_logprobs", "reference_logprobs", "scores")
    rewards = token_rewards(scores, k1(old, reference), MASK, beta=PPO["beta"])
    assert close(rewards, PPO["rewards"])


@pytest.mark.parametrize("case", PPO["results"], ids=lambda case: f"lambda {case['lam']}")
def test_advantages_and_losses_are_those_of_trls_ppo(case):
    old, logprobs, values, new_values = inputs(
        PPO, "old_logprobs", "logprobs", "values", "new_values"
    )
    rewards = tensor(PPO["rewards"]) + ONE_AT_A_PAD
    raw = gae(rewards, values, MASK, gamma=case["gamma"], lam=case["lam"])
    advantages, returns = whiten(raw, MASK), raw + values
    assert close(advantages, case["advantages"])
    assert close(returns, case["returns"])

    def policy_loss(x):
        return clipped_policy_loss(x, old, advantages, MASK, epsilon=0.2)

    def value_loss(x):
        return clipped_value_loss(x, values, returns, MASK, epsilon=0.2)

    assert close(policy_loss(logprobs), case["policy_loss"])
    assert close(gradient(policy_loss, logprobs), case["policy_gradient"])
    assert close(value_loss(new_values), case["value_loss"])
    assert close(gradient(value_loss, new_values), case["value_gradient"])
    counted = clip_fraction(logprobs, old, advantages, MASK, epsilon=0.2)
    assert close(counted, case["clip_fraction"])
    assert close(masked_mean(entropy(torch.zeros(*MASK.shape, 2)), MASK), case["entropy"])


@pytest.mark.parametrize("golden", [PPO, VERL], ids=["trl", "verl"])
def test_the_adaptive_coefficient_is_theirs(golden):
    """Their gain is batch size over horizon; only the first observation of 0 is at the clip."""
    series = golden["controller"]
    beta = series["start"]
    for observed, expected in zip(series["observed"], series["coefficients"], strict=True):
        gain = series["batch"] / series["horizon"]
        beta = adapted_kl_coef(beta, observed, target_kl=series["target"], gain=gain)
        assert beta == pytest.approx(expected, abs=1e-12)


def grpo_inputs():
    *tokens, by_response = inputs(
        GRPO, "logprobs", "old_logprobs", "reference_logprobs", "advantages"
    )
    return *tokens, by_response[:, None].expand(MASK.shape)


@pytest.mark.parametrize(
    "case",
    [case for case in GRPO["losses"] if case["loss_type"] == "grpo"],
    ids=lambda case: f"beta {case['beta']}",
)
def test_grpo_loss_is_that_of_trl_with_loss_type_grpo(case):
    logprobs, old, reference, advantages = grpo_inputs()

    def loss(x):
        return grpo_loss(
            x, old, reference, advantages, MASK, epsilon=case["epsilon"], beta=case["beta"]
        )

    assert close(loss(logprobs), case["loss"])
    assert close(gradient(loss, logprobs), case["gradient"])


@pytest.mark.parametrize(
    "case",
    [case for case in GRPO["losses"] if case["loss_type"] != "grpo"],
    ids=lambda case: f"{case['loss_type']}, beta {case['beta']}",
)
def test_trls_other_loss_types_differ_from_the_papers_in_the_average_alone(case):
    """bnpo: one mean over all tokens. dr_grpo: the sum over responses times the longest length."""
    logprobs, old, reference, advantages = grpo_inputs()
    ratio = probability_ratio(logprobs, old, MASK)
    terms = case["beta"] * k3(logprobs, reference) - clipped_surrogate(
        ratio, advantages, case["epsilon"]
    )
    if case["loss_type"] == "bnpo":
        expected = masked_mean(terms, MASK)
    else:
        expected = sum_over_tokens(terms, MASK).mean() / MASK.shape[1]
    assert close(expected, case["loss"])
    papers = grpo_loss(
        logprobs,
        old,
        reference,
        advantages,
        MASK,
        epsilon=case["epsilon"],
        beta=case["beta"],
    )
    assert not close(papers, case["loss"], 1e-3)


def test_trl_by_default_multiplies_the_kl_by_the_ratio_which_the_paper_does_not():
    """ρ k3 instead of k3: the same value on-policy, but then the gradient of KL(π ‖ ref)."""
    case = GRPO["ratio_times_kl"]
    logprobs, old, reference, advantages = grpo_inputs()
    ratio = probability_ratio(logprobs, old, MASK)
    terms = clipped_surrogate(ratio, advantages, case["epsilon"])
    terms = terms - case["beta"] * ratio * k3(logprobs, reference)
    assert close(-mean_over_tokens(terms, MASK).mean(), case["loss"])
    papers = grpo_loss(
        logprobs, old, reference, advantages, MASK, epsilon=case["epsilon"], beta=case["beta"]
    )
    assert not close(papers, case["loss"], 1e-2)


@pytest.mark.parametrize(
    "recorded", [GRPO["advantages"], VERL["group_advantages"]], ids=["trl", "verl"]
)
def test_group_advantages_are_those_of_grpo_and_dr_grpo(recorded):
    """Both use the unbiased std plus 1e-4; trl in float32, which is what 1e-6 allows for."""
    rewards = tensor(recorded["rewards"])
    assert close(group_outcome_advantages(rewards), recorded["grpo"])
    assert close(centred_outcome_advantages(rewards), recorded["dr_grpo"])


@pytest.mark.parametrize("case", VERL["gae"], ids=lambda case: f"lambda {case['lam']}")
def test_gae_is_verls(case):
    rewards, values = inputs(VERL, "rewards", "values")
    advantages = gae(rewards, values, MASK, gamma=case["gamma"], lam=case["lam"])
    assert close(advantages + values, case["returns"])
    assert close(whiten(advantages, MASK), case["whitened"])


def test_whitening_is_verls_with_the_mean_removed():
    (rewards,) = inputs(VERL, "rewards")
    assert close(whiten(rewards, MASK), VERL["whiten"]["mean removed"])


def test_where_the_mean_is_kept_verl_and_trl_scale_about_it_and_the_package_about_0():
    """Theirs is (x - mean)/std + mean, which moves the zero of rewards; ours is x/std."""
    (rewards,) = inputs(VERL, "rewards")
    mean = masked_mean(rewards, MASK)
    assert close(whiten(rewards, MASK) + mean, VERL["whiten"]["mean kept"])
    assert not close(scale_to_unit_variance(rewards, MASK), VERL["whiten"]["mean kept"], 1e-3)
    assert close(whiten(rewards, MASK), scale_to_unit_variance(rewards - mean, MASK))


@pytest.mark.parametrize("estimator", [k1, k2, k3], ids=["k1", "k2", "k3"])
def test_kl_estimators_are_verls(estimator):
    logprobs, reference = inputs(VERL, "logprobs", "reference_logprobs")
    assert close(estimator(logprobs, reference), VERL["kl"][estimator.__name__])


def test_verl_clamps_k3_at_10_and_the_package_does_not():
    far = tensor(VERL["kl"]["far_reference"])
    found = k3(torch.zeros_like(far), far)
    assert close(found.clamp(max=10), VERL["kl"]["far_k3"])
    assert found.max() > 1e12


def by_token(logprobs, old, advantages):
    return clipped_policy_loss(logprobs, old, advantages, MASK, epsilon=0.2)


def by_response(logprobs, old, advantages):
    return grpo_loss(logprobs, old, logprobs, advantages, MASK, epsilon=0.2, beta=0.0)


def by_constant(logprobs, old, advantages):
    ratio = probability_ratio(logprobs, old, MASK)
    sums = sum_over_tokens(clipped_surrogate(ratio, advantages, 0.2), MASK)
    return -sums.mean() / MASK.shape[1]


@pytest.mark.parametrize(
    ("case", "loss"),
    list(zip(VERL["policy_loss"], (by_token, by_response, by_constant), strict=True)),
    ids=[case["aggregation"] for case in VERL["policy_loss"]],
)
def test_the_policy_loss_is_verls_in_each_aggregation(case, loss):
    logprobs, old, advantages = inputs(VERL, "logprobs", "old_logprobs", "advantages")
    assert close(loss(logprobs, old, advantages), case["loss"])
    assert close(gradient(lambda x: loss(x, old, advantages), logprobs), case["gradient"])
    counted = clip_fraction(logprobs, old, advantages, MASK, epsilon=0.2)
    assert close(counted, case["clip_fraction"])


def test_the_value_loss_is_verls():
    values, old, returns = inputs(VERL, "new_values", "values", "returns")

    def loss(x):
        return clipped_value_loss(x, old, returns, MASK, epsilon=0.2)

    assert close(loss(values), VERL["value_loss"]["loss"])
    assert close(gradient(loss, values), VERL["value_loss"]["gradient"])
