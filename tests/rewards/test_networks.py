from types import SimpleNamespace

import pytest
import torch

from rlhf_lab.logprobs import response_logprobs, response_values, sequence_logprobs
from rlhf_lab.losses import implicit_reward, ranking_loss
from rlhf_lab.models import TabularValues, frozen_copy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import Responses, pad
from rlhf_lab.rewards.functions import (
    as_reward,
    disagreement,
    lowest,
    mixed,
    standardised,
    standardised_head,
)
from rlhf_lab.rewards.networks import (
    implicit_token_rewards,
    last_outputs,
    response_rewards,
    reward_model,
    summed_token_rewards,
    token_level_rewards,
    token_outputs,
)
from rlhf_lab.rewards.preferencewise import general_preference_loss, preference_logit

BASE = tiny_gpt2(9, layers=1, width=16, heads=2, context=12, seed=0).double()
OTHER = tiny_gpt2(9, layers=1, width=16, heads=2, context=12, seed=1).double()
MODEL = reward_model(BASE, seed=0)
PROMPTS = [[1, 2], [3], [4, 5, 6], [7]]
TEXTS = [[1], [2, 3], [4, 5, 6, 7], [8, 8]]
BATCH = pad(PROMPTS, TEXTS)


def one_by_one(function):
    return [function(pad([x], [y])) for x, y in zip(PROMPTS, TEXTS, strict=True)]


def test_the_reward_is_read_after_the_last_token_and_padding_changes_nothing():
    """Each text alone, without any padding, read by the trunk and the head themselves."""
    for ids, reward in zip(
        [x + y for x, y in zip(PROMPTS, TEXTS, strict=True)],
        response_rewards(MODEL, BATCH),
        strict=True,
    ):
        hidden = MODEL.trunk(torch.tensor([ids])).last_hidden_state[0, -1]
        assert reward.item() == pytest.approx(MODEL.head(hidden).item(), abs=1e-12)


def test_the_last_token_matters():
    changed = pad(PROMPTS, [[*text[:-1], 0] for text in TEXTS])
    assert (response_rewards(MODEL, changed) != response_rewards(MODEL, BATCH)).all()


def test_what_is_read_after_a_token_is_the_value_before_the_next():
    outputs, values = token_outputs(MODEL, BATCH).squeeze(2), response_values(MODEL, BATCH)
    both = BATCH.mask[:, :-1] & BATCH.mask[:, 1:]
    assert torch.allclose(outputs[:, :-1][both], values[:, 1:][both], atol=1e-12, rtol=0)


def test_token_rewards_sum_to_the_responses_and_pads_have_none():
    rewards = token_level_rewards(MODEL, BATCH)
    assert (rewards[~BATCH.mask] == 0).all()
    assert (rewards[BATCH.mask] != 0).all()
    single = torch.stack(one_by_one(lambda r: token_level_rewards(MODEL, r).sum()))
    assert torch.allclose(summed_token_rewards(MODEL, BATCH), single, atol=1e-12, rtol=0)


def test_a_table_gives_each_whole_response_its_own_number():
    table = TabularValues(3, 3).double()
    with torch.no_grad():
        table.table[:, 0] = torch.arange(len(table.table))
    tokens = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    ones = torch.ones_like(tokens, dtype=torch.bool)
    batch = Responses(torch.zeros(9, 1, dtype=torch.long), ones[:, :1], tokens, ones)
    rewards = response_rewards(table, batch)
    assert sorted(rewards.tolist()) == [*range(4, 13)]  # rows 0..3 are the shorter prefixes


def test_a_new_head_is_small_unbiased_and_the_seeds():
    wide = tiny_gpt2(5, layers=1, width=512, heads=2, context=4, seed=0)
    head = reward_model(wide, seed=0, columns=8).head
    assert head.weight.std().item() == pytest.approx(513**-0.5, rel=0.05)
    assert (head.bias == 0).all()
    assert torch.equal(head.weight, reward_model(wide, seed=0, columns=8).head.weight)
    assert not torch.equal(head.weight, reward_model(wide, seed=1, columns=8).head.weight)


def test_the_copy_of_a_frozen_trunk_learns():
    model = reward_model(frozen_copy(BASE), seed=0)
    assert all(weight.requires_grad for weight in model.parameters())
    response_rewards(model, BATCH).sum().backward()
    assert all((p.grad != 0).any() for p in model.trunk.h.parameters())


def test_implicit_token_rewards_sum_to_the_implicit_reward():
    with torch.no_grad():
        tokens = implicit_token_rewards(OTHER, BASE, BATCH, beta=0.3)
        sides = [sequence_logprobs(model, BATCH) for model in (OTHER, BASE)]
    assert torch.allclose(tokens.sum(dim=1), implicit_reward(*sides, beta=0.3), atol=1e-12, rtol=0)
    assert (tokens[~BATCH.mask] == 0).all()
    with pytest.raises(ValueError, match="beta must be a finite number above 0"):
        implicit_token_rewards(OTHER, BASE, BATCH, beta=0.0)


def test_implicit_token_rewards_make_the_policy_from_the_reference():
    """π = ref exp(r / β) token by token: the rewards hold all that the policy knows."""
    with torch.no_grad():
        rewards = implicit_token_rewards(OTHER, BASE, BATCH, beta=0.3)
        rebuilt = response_logprobs(BASE, BATCH) + rewards / 0.3
        expected = response_logprobs(OTHER, BATCH)
    assert torch.allclose(rebuilt[BATCH.mask], expected[BATCH.mask], atol=1e-12, rtol=0)


def embeddings(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_preference_odds_are_antisymmetric_and_nothing_beats_itself():
    first, second = embeddings(50, 6), embeddings(50, 6, seed=1)
    there, back = preference_logit(first, second), preference_logit(second, first)
    assert torch.equal(there, -back)
    assert (preference_logit(first, first) == 0).all()


def test_embeddings_on_a_circle_play_rock_paper_scissors():
    angle = torch.arange(3, dtype=torch.float64) * 2 * torch.pi / 3
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    logits = preference_logit(circle, circle.roll(-1, dims=0))  # each against the next
    assert logits.tolist() == pytest.approx([3**0.5 / 2] * 3)


def test_with_one_constant_column_preference_odds_are_bradley_terrys():
    rewards = embeddings(8, 4)
    pairs = torch.stack([rewards, torch.ones_like(rewards)], dim=2)
    assert general_preference_loss(pairs).item() == pytest.approx(ranking_loss(rewards).item())


def test_an_odd_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="even number of columns, got 3"):
        preference_logit(embeddings(2, 3), embeddings(2, 3))


def test_columns_are_those_of_the_head():
    assert last_outputs(reward_model(BASE, seed=0, columns=4), BATCH).shape == (4, 4)


def reward(responses):
    return responses.tokens.double().sum(dim=1)


def test_standardised_rewards_have_mean_0_and_std_1_on_the_samples():
    scaled = standardised(reward, BATCH)(BATCH)
    assert scaled.mean().item() == pytest.approx(0, abs=1e-12)
    assert scaled.std().item() == pytest.approx(1)
    assert torch.equal(scaled.argsort(), reward(BATCH).argsort())
    with pytest.raises(ValueError, match="the 4 samples' rewards must differ, their std is 0"):
        standardised(lambda r: torch.ones(len(r)), BATCH)
    seven = BATCH[torch.zeros(7, dtype=torch.long)]
    assert torch.full((7,), 0.7).std() > 0  # their mean is another number in float32
    with pytest.raises(ValueError, match="the 7 samples' rewards must differ"):
        standardised(lambda r: torch.full((len(r),), 0.7), seven)


def test_a_standardised_head_is_the_standardised_reward():
    plain = as_reward(response_rewards, MODEL)
    ready = standardised_head(frozen_copy(MODEL), BATCH)
    scaled = as_reward(response_rewards, ready)(BATCH)
    assert torch.allclose(scaled, standardised(plain, BATCH)(BATCH), atol=1e-12, rtol=0)
    assert torch.equal(MODEL.head.bias, torch.zeros(1, dtype=torch.float64))
    assert all(weight.requires_grad for weight in ready.parameters())


def test_a_network_as_a_reward_does_not_depend_on_the_batch():
    rewards = [as_reward(response_rewards, MODEL, batch_size=size)(BATCH) for size in (1, 3, 256)]
    assert torch.allclose(rewards[0], rewards[2], atol=1e-12, rtol=0)
    assert torch.allclose(rewards[1], rewards[2], atol=1e-12, rtol=0)
    assert not rewards[0].requires_grad


def test_rewards_can_be_edited_and_ensembles_are_means_minima_and_spreads():
    length = lambda r: r.mask.sum(dim=1).double()  # noqa: E731
    edited = mixed([reward, length], [1.0, -2.0])(BATCH)
    assert edited.tolist() == [1 - 2, 5 - 4, 22 - 8, 16 - 4]
    assert lowest([reward, length])(BATCH).tolist() == [1, 2, 4, 2]
    assert disagreement([reward, length, reward])(BATCH)[2].item() == pytest.approx(18 / 3**0.5)
    with pytest.raises(ValueError, match="each reward needs its weight, got 2 and 1"):
        mixed([reward, length], [1.0])


def test_a_trainable_copy_of_the_model_is_another_model():
    copy = trainable_copy(MODEL)
    with torch.no_grad():
        copy.head.weight.add_(1)
    assert not torch.equal(response_rewards(copy, BATCH), response_rewards(MODEL, BATCH))


@pytest.mark.parametrize("read", [response_rewards, token_level_rewards, response_values])
def test_what_gives_more_than_one_number_a_position_is_no_reward_model(read):
    for model, columns in ((BASE, 9), (reward_model(BASE, seed=0, columns=4), 4)):
        with pytest.raises(ValueError, match=f"one number a position, got {columns}; make it with"):
            read(model, BATCH)


def test_a_head_draws_from_its_own_seed_and_leaves_the_global_state():
    before = torch.get_rng_state()
    reward_model(BASE, seed=3)
    assert torch.equal(before, torch.get_rng_state())


def test_a_classifier_of_whole_texts_is_no_network_of_rewards():
    class Classifier(torch.nn.Module):
        def forward(self, input_ids, **_inputs):
            return SimpleNamespace(logits=torch.zeros(len(input_ids), 1))

    with pytest.raises(
        ValueError, match=r"logits \(batch, position, column\), got shape \(\d, 1\)"
    ):
        as_reward(response_rewards, Classifier())(BATCH)


def test_a_network_reads_one_response_at_a_time_at_least():
    with pytest.raises(ValueError, match="batch_size must be a whole number, 1 or above, got 0"):
        as_reward(response_rewards, MODEL, batch_size=0)


def test_an_ensemble_needs_members():
    with pytest.raises(ValueError, match=r"needs 2 reward\(s\) or more, got 1"):
        disagreement([as_reward(response_rewards, MODEL)])
    with pytest.raises(ValueError, match=r"needs 1 reward\(s\) or more, got 0"):
        lowest([])
