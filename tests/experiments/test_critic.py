"""The critic's explained variance and the gradient's variance, against what is known of both."""

import pytest
import torch

from rlhf_lab.experiments import critic
from rlhf_lab.experiments.dpo_reviews import rollout
from rlhf_lab.models import frozen_copy, trainable_copy, value_model
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import gold_rewards


@pytest.fixture(scope="module")
def policy():
    return trainable_copy(review_model())


@pytest.fixture(scope="module")
def fresh(policy):
    return rollout(policy, 128, seed=1, generator=torch.Generator().manual_seed(0)).responses


def test_of_a_response_everything_is_read_but_its_last_token_at_most(fresh):
    lengths = fresh.mask.sum(dim=1)
    assert critic.tokens_read(fresh, 0.0).max() == 0
    assert torch.equal(critic.tokens_read(fresh, 1.0), lengths - 1)


def test_a_critic_that_has_learnt_nothing_explains_nothing_and_changes_nothing(policy, fresh):
    """All its values are 0: at λ = 1 every advantage is the reward."""
    batches = [fresh[:32], fresh[32:64]]
    found = critic.of_critic(policy, value_model(policy), fresh, batches)
    assert [found[f"explained_{place}"] for place in critic.PLACES] == pytest.approx([0] * 5)
    without = critic.variance(policy, batches, critic.without_baseline)
    assert found["variance_critic_1.0"] == pytest.approx(without, rel=1e-4)


def test_who_has_read_more_can_explain_more(policy, fresh):
    shares = [
        critic.best_explained(policy, fresh, place, torch.Generator().manual_seed(0))
        for place in (0.0, 0.5, 1.0)
    ]
    assert shares == sorted(shares)
    assert shares[2] - shares[0] > 0.3


def test_advantages_of_a_group_sum_to_0(fresh):
    assert critic.of_group(fresh).view(-1, critic.GROUP_SIZE).sum(dim=1).abs().max() < 1e-5
    assert gold_rewards(fresh).std() > 0.1


def test_all_baselines_are_compared_on_the_same_groups(policy, monkeypatch):
    measured = []

    def spy(policy, batches, advantages):
        measured.append(batches)
        return 1.0

    monkeypatch.setattr(critic, "variance", spy)
    found = critic.run(0, steps=1, every=1, batches=2, openings=8)
    assert len(measured) == 2 + 2 * len(critic.LAMBDAS)  # two fixed, each λ before and after a step
    assert all(batches is measured[0] for batches in measured)
    first, second = (responses.prompts.tolist() for responses in measured[0])
    assert first != second  # each batch has openings of its own
    for responses in measured[0]:
        asked = [row[mask].tolist() for row, mask in zip(*responses.arrays[:2], strict=True)]
        assert len(asked) == critic.BATCH
        for start in range(0, critic.BATCH, critic.GROUP_SIZE):
            group = asked[start : start + critic.GROUP_SIZE]
            assert group == [group[0]] * critic.GROUP_SIZE
    gold = torch.cat([gold_rewards(responses) for responses in measured[0]])
    assert found["gold"][0] == pytest.approx(gold.mean().item())
    assert found["gold_std"][0] == pytest.approx(gold.std().item())


def test_the_policy_is_held_still(policy):
    before = frozen_copy(policy)
    critic.run(0, steps=1, every=1, batches=2, openings=8)
    assert all(map(torch.equal, policy.parameters(), before.parameters()))
