"""The exact twins of the later losses end where they were predicted to."""

import pytest
import torch

from rlhf_lab.experiments import group_losses, preference_losses
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.worlds.ending import ending_world
from rlhf_lab.worlds.exact import starting_policy
from rlhf_lab.worlds.optimum import objective


def test_the_endless_groups_loss_has_the_gradient_of_the_objective():
    """RLOO and Dr. GRPO, at a policy that is not the reference: exact, so equal to autograd's."""
    world = ending_world(vocabulary=3, longest=3, seed=1)
    policy = starting_policy(world)
    with torch.no_grad():
        policy.table.normal_(generator=torch.Generator().manual_seed(0))
    group = group_losses.endless_group(policy, world, beta=0.5)
    logprobs = response_logprobs(policy, world.responses)
    whole = sum_over_tokens(logprobs, world.responses.mask)
    value = objective(whole, world.reference_logprobs, world.rewards, beta=0.5)
    (true,) = torch.autograd.grad(value, policy.table, retain_graph=True)
    for method, factor in (("rloo", 1), ("dr-grpo", 3)):
        loss = group_losses.METHODS[method](logprobs, group)
        (found,) = torch.autograd.grad(loss, policy.table, retain_graph=True)
        torch.testing.assert_close(-factor * found, true, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("method", ["rloo", "gspo"])
def test_with_the_kl_in_the_reward_it_ends_at_the_optimum(method):
    run = group_losses.run(0, method=method, beta=group_losses.BETA, updates=300, every=300)
    assert run["to_optimum"][-1] < 0.05


def test_without_a_kl_one_response_is_left():
    run = group_losses.run(0, method="grpo", beta=0.0, updates=200, every=200)
    assert run["best"][-1] > 0.99
    assert run["entropy"][-1] < 0.05


def test_on_noisy_labels_dpo_and_ipo_end_where_they_should_and_these_are_two_places():
    settings = {"labels": "noisy", "updates": 200, "every": 200}
    dpo, ipo = (preference_losses.run(0, method=m, **settings) for m in ("dpo", "ipo"))
    assert dpo["to_dpo"][-1] < 0.05
    assert ipo["to_ipo"][-1] < 0.01
    assert ipo["to_dpo"][-1] > 0.2


def test_on_noiseless_labels_ipo_ends_and_dpo_goes_on():
    settings = {"labels": "noiseless", "updates": 200, "every": 50}
    dpo, ipo = (preference_losses.run(0, method=m, **settings) for m in ("dpo", "ipo"))
    assert ipo["to_ipo"][-1] < 0.01
    assert dpo["log_ratio"][-1] > dpo["log_ratio"][0] + 2
    assert dpo["log_ratio"][-1] > 3 * ipo["log_ratio"][-1]
