"""Advantages against sums written out, exact expectations, and numbers of the papers."""

import math

import pytest
import torch

from rlhf_lab.advantages import (
    centred_outcome_advantages,
    centred_process_advantages,
    gae,
    group_outcome_advantages,
    group_process_advantages,
    leave_one_out_advantages,
    returns_of,
    token_rewards,
)

GENERATOR = torch.Generator().manual_seed(0)
LENGTHS = (5, 1, 3)
MASK = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
REWARDS, VALUES = torch.randn(2, 3, 5, generator=GENERATOR, dtype=torch.float64)


def close(actual, expected, tolerance=1e-12):
    return torch.allclose(actual, torch.as_tensor(expected, dtype=actual.dtype), 0, tolerance)


def summed_gae(rewards, values, gamma, lam):
    """The sum that the recursion stands for, of one response without padding."""
    length = len(rewards)
    after = [*values[1:], 0.0]
    return [
        sum(
            (gamma * lam) ** (s - t) * (rewards[s] + gamma * after[s] - values[s])
            for s in range(t, length)
        )
        for t in range(length)
    ]


def test_the_score_lands_on_the_last_real_token_and_the_penalty_on_every_one():
    kl = torch.tensor([[1.0, 2.0, 3.0], [4.0, torch.nan, torch.inf]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    rewards = token_rewards(torch.tensor([10.0, 20.0]), kl, mask, beta=0.5)
    assert rewards.tolist() == [[-0.5, -1.0, 8.5], [18.0, 0.0, 0.0]]


def test_the_rewards_of_a_response_sum_to_its_score_less_the_penalty():
    """Σ_t r_t = r(x, y) - β log π(y|x)/ref(y|x): the objective of RLHF, response by response."""
    scores = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    rewards = token_rewards(scores, VALUES, MASK, beta=0.3)
    log_ratio = torch.where(MASK, VALUES, 0).sum(1)
    assert close(rewards.sum(1), scores - 0.3 * log_ratio)


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 0.0), (0.7, 1.0)])
def test_the_recursion_is_the_sum_of_discounted_errors(gamma, lam):
    advantages = gae(REWARDS, VALUES, MASK, gamma=gamma, lam=lam)
    for row, length in enumerate(LENGTHS):
        rewards, values = REWARDS[row, :length].tolist(), VALUES[row, :length].tolist()
        assert close(advantages[row, :length], summed_gae(rewards, values, gamma, lam))


def test_at_lambda_1_the_advantage_is_the_return_minus_the_value():
    advantages = gae(REWARDS, VALUES, MASK, gamma=0.9, lam=1.0)
    for row, length in enumerate(LENGTHS):
        for t in range(length):
            future = REWARDS[row, t:length]
            discounted = (0.9 ** torch.arange(length - t).double() * future).sum()
            assert close(advantages[row, t], discounted - VALUES[row, t])


def test_at_lambda_0_it_is_the_error_of_one_step():
    advantages = gae(REWARDS, VALUES, MASK, gamma=0.9, lam=0.0)
    assert close(advantages[0, 1], REWARDS[0, 1] + 0.9 * VALUES[0, 2] - VALUES[0, 1])
    assert close(advantages[1, 0], REWARDS[1, 0] - VALUES[1, 0])


def test_it_is_the_exponential_mean_of_the_n_step_advantages():
    """(1-λ) Σ_n λ^(n-1) Â⁽ⁿ⁾, where every n beyond the end is the whole return (their Eq. 16)."""
    gamma, lam, length = 0.9, 0.6, LENGTHS[0]
    rewards, values = REWARDS[0], VALUES[0]

    def n_step(n):
        n = min(n, length)
        bootstrap = values[n] * gamma**n if n < length else 0.0
        return sum(gamma**k * rewards[k] for k in range(n)) + bootstrap - values[0]

    mean = (1 - lam) * sum(lam ** (n - 1) * n_step(n) for n in range(1, 400))
    assert close(gae(REWARDS, VALUES, MASK, gamma=gamma, lam=lam)[0, 0], mean)


def test_padding_changes_nothing_and_nothing_is_bootstrapped_past_the_end():
    together = gae(
        torch.where(MASK, REWARDS, torch.nan), torch.where(MASK, VALUES, 1e9), MASK,
        gamma=0.9, lam=0.8,
    )  # fmt: skip
    assert (together[~MASK] == 0).all()
    for row, length in enumerate(LENGTHS):
        alone = [x[row : row + 1, :length] for x in (REWARDS, VALUES, MASK)]
        assert close(together[row, :length], gae(*alone, gamma=0.9, lam=0.8)[0])


def test_with_the_exact_value_function_the_expected_advantage_is_0():
    """One fair coin decides a reward: V before it is its mean, and no λ brings a bias."""
    rewards = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    values = torch.tensor([[0.5, 1.0], [0.5, 0.0]], dtype=torch.float64)
    mask = torch.ones(2, 2, dtype=torch.bool)
    for lam in (0.0, 0.5, 1.0):
        assert gae(rewards, values, mask, gamma=1.0, lam=lam)[:, 0].mean() == 0


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_a_discount_outside_0_to_1_is_refused(bad):
    with pytest.raises(ValueError, match=r"gamma must lie in 0\.\.1"):
        gae(REWARDS, VALUES, MASK, gamma=bad, lam=1.0)
    with pytest.raises(ValueError, match=r"lam must lie in 0\.\.1"):
        gae(REWARDS, VALUES, MASK, gamma=1.0, lam=bad)


def test_the_unbiased_std_gives_a_group_of_two_right_and_two_wrong_0_8660():
    """The biased std would give ±1. 1e-4 beside the std of 0.577 takes 0.00015 off."""
    found = group_outcome_advantages(torch.tensor([[1.0, 0.0, 0.0, 1.0]], dtype=torch.float64))
    exact = math.sqrt(3) / 2
    assert close(found, [[exact, -exact, -exact, exact]], 2e-4)
    assert found[0, 0].item() == pytest.approx(0.5 / (1 / math.sqrt(3) + 1e-4), abs=1e-12)


def test_equal_rewards_teach_nothing():
    equal = torch.full((2, 4), 0.7, dtype=torch.float64)
    assert close(group_outcome_advantages(equal), torch.zeros(2, 4))
    ends = torch.ones(1, 2, 3, dtype=torch.bool)
    assert close(group_process_advantages(torch.full((1, 2, 3), 0.7).double(), ends), 0 * ends)


@pytest.mark.parametrize(("size", "reward"), [(8, 0.7), (12, 99.9), (64, 1000.1)])
def test_equal_rewards_give_0_and_not_the_rounding_of_their_mean(size, reward):
    """In float32 each of these means is another number than the rewards."""
    equal = torch.full((1, size), reward)
    assert equal.mean() != equal[0, 0]
    for advantages in (
        group_outcome_advantages, centred_outcome_advantages, leave_one_out_advantages,
    ):  # fmt: skip
        assert (advantages(equal) == 0).all()
        beside = torch.cat([equal, torch.arange(size)[None] + equal])
        assert (advantages(beside)[1] == advantages(beside[1:])[0]).all()
        assert advantages(beside)[1].any()
        assert advantages(torch.where(torch.arange(size) == 1, torch.nan, equal)).isnan().all()
    steps, ends = equal.view(1, 2, -1), torch.ones(1, 2, size // 2, dtype=torch.bool)
    for advantages in (group_process_advantages, centred_process_advantages):
        assert (advantages(steps, ends) == 0).all()
        ends[0, 0, 0] = False  # what is no end of a step does not count
        steps = steps.clone()
        steps[0, 0, 0] = 3.0
        assert (advantages(steps, ends) == 0).all()
        assert advantages(torch.where(ends, torch.nan, steps), ends).isnan().any()


def test_with_the_std_neither_scale_nor_offset_of_the_rewards_counts():
    rewards = 10 * torch.randn(3, 8, generator=GENERATOR, dtype=torch.float64)
    found = group_outcome_advantages(rewards)
    assert close(group_outcome_advantages(5 - 0 * rewards + 3 * rewards), found, 1e-4)
    assert close(
        centred_outcome_advantages(5 + 3 * rewards), 3 * centred_outcome_advantages(rewards)
    )


def test_groups_do_not_mix_and_each_sums_to_0():
    rewards = torch.randn(3, 8, generator=GENERATOR, dtype=torch.float64)
    for advantages in (group_outcome_advantages, centred_outcome_advantages):
        found = advantages(rewards)
        assert close(found.sum(1), torch.zeros(3))
        assert close(found[1:2], advantages(rewards[1:2]))


@pytest.mark.parametrize("size", [2, 5])
def test_the_left_out_baseline_is_the_mean_of_the_others(size):
    rewards = torch.randn(3, size, generator=GENERATOR, dtype=torch.float64)
    found = leave_one_out_advantages(rewards)
    for i in range(size):
        others = torch.cat([rewards[:, :i], rewards[:, i + 1 :]], dim=1)
        assert close(found[:, i], rewards[:, i] - others.mean(1))


@pytest.mark.parametrize(
    "advantages",
    [group_outcome_advantages, centred_outcome_advantages, leave_one_out_advantages],
)
def test_a_group_of_one_is_refused(advantages):
    with pytest.raises(ValueError, match="group_size must be at least 2, got 1"):
        advantages(torch.ones(3, 1))


STEP_ENDS = torch.tensor([[[False, True, False, True, False], [True, False, True, False, True]]])
STEP_REWARDS = torch.tensor(
    [[[9.0, 1.0, 9.0, 0.0, torch.nan], [1.0, torch.inf, 0.5, 9.0, -1.0]]], dtype=torch.float64
)


def test_all_steps_of_a_group_are_normalised_together_and_summed_from_the_token_on():
    """Five steps with mean 0.3; the tokens of a step get its reward and those after it."""
    centred = torch.tensor([1.0, 0.0, 1.0, 0.5, -1.0], dtype=torch.float64) - 0.3
    a, b, c, d, e = (centred / (centred.std() + 1e-4)).tolist()
    expected = [[[a + b, a + b, b, b, 0.0], [c + d + e, d + e, d + e, e, e]]]
    assert close(group_process_advantages(STEP_REWARDS, STEP_ENDS), expected)
    scale = centred.std() + 1e-4
    assert close(centred_process_advantages(STEP_REWARDS, STEP_ENDS) / scale, expected)


def test_one_step_at_the_end_is_outcome_supervision():
    rewards = torch.randn(2, 4, generator=GENERATOR, dtype=torch.float64)
    ends = torch.zeros(2, 4, 3, dtype=torch.bool)
    ends[:, :, -1] = True
    for process, outcome in (
        (group_process_advantages, group_outcome_advantages),
        (centred_process_advantages, centred_outcome_advantages),
    ):
        found = process(rewards[..., None].expand(2, 4, 3), ends)
        assert close(found, outcome(rewards)[..., None].expand(2, 4, 3))


def test_padding_after_the_last_step_changes_nothing():
    wide = [torch.nn.functional.pad(x, (0, 2)) for x in (STEP_REWARDS, STEP_ENDS)]
    found = group_process_advantages(*wide)
    assert close(found[..., :5], group_process_advantages(STEP_REWARDS, STEP_ENDS))
    assert (found[..., 5:] == 0).all()


@pytest.mark.parametrize("advantages", [group_process_advantages, centred_process_advantages])
def test_a_group_without_two_steps_has_nothing_to_compare(advantages):
    """Such a group comes by chance: it must neither stop a run nor touch the groups beside it."""
    rewards, ends = torch.rand(3, 2, 3), torch.zeros(3, 2, 3, dtype=torch.bool)
    ends[0], ends[1, 0, 1] = True, True
    found = advantages(rewards, ends)
    assert (found[1:] == 0).all()
    assert close(found[:1], advantages(rewards[:1], ends[:1]))
    assert found[0].any()


@pytest.mark.parametrize("advantages", [group_process_advantages, centred_process_advantages])
def test_a_response_alone_is_no_group_of_steps(advantages):
    with pytest.raises(ValueError, match="two responses, got 1"):
        advantages(torch.zeros(1, 1, 3), torch.ones(1, 1, 3, dtype=torch.bool))


def test_with_lambda_1_a_return_is_the_discounted_reward_still_to_come():
    """Whatever the critic said; and nothing of what stands at a pad."""
    values = torch.where(MASK, VALUES, torch.nan)
    found = returns_of(gae(REWARDS, values, MASK, gamma=0.7, lam=1.0), values, MASK)
    for row, length in enumerate(LENGTHS):
        rewards = REWARDS[row, :length].tolist()
        ahead = [sum(0.7**k * r for k, r in enumerate(rewards[t:])) for t in range(length)]
        assert close(found[row], ahead + [0.0] * (5 - length))


def test_without_lambda_a_return_is_the_reward_and_the_next_value():
    found = returns_of(gae(REWARDS, VALUES, MASK, gamma=0.7, lam=0.0), VALUES, MASK)
    assert close(found[0, :-1], REWARDS[0, :-1] + 0.7 * VALUES[0, 1:])
