"""The world whose responses end: where IPO and SimPO end in it, and what KLs pull as losses."""

import pytest
import torch

from rlhf_lab.kl import exact_kl, k1, k2, k3
from rlhf_lab.logprobs import response_logits, response_logprobs, sequence_logprobs
from rlhf_lab.masked import mean_over_tokens, sum_over_tokens
from rlhf_lab.preference_losses import average_logprob_reward, squared_margin_error
from rlhf_lab.sampling import sample
from rlhf_lab.worlds.ending import END, all_endings, ending_world
from rlhf_lab.worlds.exact import expected_pairs, response_distribution, rewards_of, starting_policy
from rlhf_lab.worlds.optimum import optimal_logprobs
from rlhf_lab.worlds.preference_optima import ipo_optimum, simpo_optimum, win_rates

WORLD = ending_world(vocabulary=3, longest=3, seed=0)
REFERENCE, REWARDS = WORLD.reference_logprobs, WORLD.rewards
PREFERRED = torch.sigmoid(REWARDS[:, None] - REWARDS[None, :])


def test_the_responses_are_all_and_their_probabilities_sum_to_one():
    assert len(ending_world().rewards) == 1 + 3 + 9 + 27 + 81
    assert REFERENCE.exp().sum().item() == pytest.approx(1)
    policy = starting_policy(WORLD)
    with torch.no_grad():
        policy.table.normal_(generator=torch.Generator().manual_seed(3))
    assert response_distribution(policy, WORLD.responses).exp().sum().item() == pytest.approx(1)


def test_responses_that_end_have_no_number_to_look_a_reward_up_by():
    with pytest.raises(ValueError, match="only those of one length"):
        rewards_of(WORLD, WORLD.responses[:1])


def test_a_response_goes_to_its_first_end_or_to_the_longest():
    rows = all_endings(3, 3)
    for tokens, mask in zip(rows.tokens, rows.mask, strict=True):
        real = tokens[mask].tolist()
        assert END not in real[:-1]
        assert real[-1] == END or len(real) == 3


def test_what_is_sampled_is_in_the_list_with_the_sampled_logprob():
    drawn = sample(
        WORLD.reference,
        torch.zeros(50, 1, dtype=torch.long),
        torch.ones(50, 1, dtype=torch.bool),
        max_tokens=3,
        end_token=END,
        generator=torch.Generator().manual_seed(0),
    )
    listed = {
        tuple(t[m].tolist()): p
        for t, m, p in zip(WORLD.responses.tokens, WORLD.responses.mask, REFERENCE, strict=True)
    }
    for tokens, mask, logprob in zip(
        drawn.responses.tokens, drawn.responses.mask, drawn.logprobs, strict=True
    ):
        assert listed[tuple(tokens[mask].tolist())] == pytest.approx(logprob[mask].sum().item())


def test_rewards_do_not_know_the_length():
    """Over many worlds the mean reward of short and of long responses is the same."""
    worlds = [ending_world(vocabulary=3, longest=3, seed=seed) for seed in range(200)]
    short = torch.stack([world.rewards[:3].mean() for world in worlds])
    assert short.mean().abs() < 4 * short.std() / 200**0.5


def test_a_world_of_one_word_is_refused():
    with pytest.raises(ValueError, match="need vocabulary >= 2 and longest >= 1, got 1 and 3"):
        ending_world(vocabulary=1, longest=3)


def test_at_ipos_optimum_the_expected_loss_has_no_gradient():
    policy = ipo_optimum(REFERENCE, PREFERRED, tau=0.2).requires_grad_()
    log_ratio = policy - REFERENCE
    error = squared_margin_error(log_ratio[:, None] - log_ratio[None, :], tau=0.2)
    (gradient,) = torch.autograd.grad((expected_pairs(REFERENCE, REWARDS) * error).sum(), policy)
    assert gradient.abs().max() < 1e-12


def test_win_rates_are_a_half_on_average():
    assert (REFERENCE.exp() @ win_rates(REFERENCE, PREFERRED)).item() == pytest.approx(0.5)


def test_simpos_optimum_gives_each_comparison_its_true_odds_and_forgets_the_reference():
    lengths = WORLD.responses.mask.sum(dim=1)
    optimum = simpo_optimum(REWARDS, lengths, beta=2.0)
    assert optimum.exp().sum().item() == pytest.approx(1)
    implied = 2.0 * optimum / lengths
    odds = torch.sigmoid(implied[:, None] - implied[None, :])
    torch.testing.assert_close(odds, PREFERRED)
    assert (optimum - optimal_logprobs(REFERENCE, REWARDS, beta=0.5)).abs().max() > 0.5


def test_a_policy_with_simpos_optimum_has_it_as_average_logprobs():
    """A table that is that distribution, token by token, has the rewards of the world again."""
    lengths = WORLD.responses.mask.sum(dim=1)
    optimum = simpo_optimum(REWARDS, lengths, beta=2.0)
    policy = starting_policy(WORLD)
    rows = policy.prefix_rows(torch.cat([WORLD.responses.prompts, WORLD.responses.tokens], 1))
    mass = torch.zeros_like(policy.table)
    for position in range(3):
        real = WORLD.responses.mask[:, position]
        place = (rows[real, position], WORLD.responses.tokens[real, position])
        mass.index_put_(place, optimum.exp()[real], accumulate=True)
    with torch.no_grad():
        policy.table.copy_(mass.clamp(min=1e-300).log())
    logprob = sequence_logprobs(policy, WORLD.responses)
    torch.testing.assert_close(logprob, optimum)
    tokens = response_logprobs(policy, WORLD.responses)
    shifted = average_logprob_reward(tokens, WORLD.responses.mask, beta=2.0) - REWARDS
    assert shifted.std() < 1e-9


def moved_policy():
    policy = starting_policy(WORLD)
    with torch.no_grad():
        policy.table.normal_(generator=torch.Generator().manual_seed(3))
    return policy


def pull(policy, of_responses):
    """The gradient of the mean over responses of the policy, which do not move with it."""
    fixed = response_distribution(policy, WORLD.responses).exp()
    return torch.autograd.grad((fixed * of_responses).sum(), policy.table)[0]


@pytest.mark.parametrize(("estimator", "turned"), [(k2, False), (k3, True)])
def test_summed_over_tokens_k2_and_k3_pull_at_each_prefix_only(estimator, turned):
    """k2: ∇KL(π_t ‖ ref_t), k3: ∇KL(ref_t ‖ π_t), not that of whole responses."""
    policy, mask = moved_policy(), WORLD.responses.mask
    logprobs, fixed = (response_logprobs(m, WORLD.responses) for m in (policy, WORLD.reference))
    by_token = pull(policy, sum_over_tokens(estimator(logprobs, fixed), mask))
    pair = [response_logits(m, WORLD.responses) for m in (policy, WORLD.reference)]
    exact = exact_kl(*(pair[::-1] if turned else pair))
    assert torch.allclose(by_token, pull(policy, sum_over_tokens(exact, mask)))
    logprobs = response_logprobs(policy, WORLD.responses)
    whole = pull(policy, estimator(sum_over_tokens(logprobs, mask), REFERENCE))
    assert (by_token - whole).norm() > 0.1 * whole.norm()


def test_k1_over_each_length_lengthens_responses():
    """As a loss its expected gradient is that of E[1/|o|], which falls as responses grow."""
    policy, mask = moved_policy(), WORLD.responses.mask
    logprobs, fixed = (response_logprobs(m, WORLD.responses) for m in (policy, WORLD.reference))
    found = pull(policy, mean_over_tokens(k1(logprobs, fixed), mask))
    chance = sequence_logprobs(policy, WORLD.responses).exp()
    (expected,) = torch.autograd.grad((chance / mask.sum(dim=1)).sum(), policy.table)
    assert torch.allclose(found, expected)
    assert found.norm() > 0.01
