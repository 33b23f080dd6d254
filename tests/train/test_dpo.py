import math

import pytest
import torch
from jaxtyping import config
from shape_checker import unchecked

from rlhf_lab.checkpoints import CheckpointError, Checkpoints
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.models import frozen_copy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import Preferences, pad
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import reward_model
from rlhf_lab.train.dpo import DPOConfig, pair_logprobs, train_dpo
from rlhf_lab.train.loop import history
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.worlds.exact import (
    as_preferences,
    exact_world,
    response_distribution,
    sample_pairs,
    starting_policy,
)
from rlhf_lab.worlds.optimum import optimal_logprobs, total_variation

BASE = tiny_gpt2(7, layers=1, width=16, heads=2, context=8, seed=0).double()
PROMPTS = [[1, 2], [3], [4, 5], [6]]
PAIRS = Preferences(
    pad(PROMPTS, [[1], [2, 3], [1, 2, 3], [4]]), pad(PROMPTS, [[5, 6], [6], [5], [6, 6, 6]])
)
SETTINGS = {"steps": 5, "batch_size": 2, "learning_rate": 1e-2, "warmup_steps": 0}


def run(pairs=PAIRS, base=BASE, **settings):
    policy = trainable_copy(base)
    config = DPOConfig(**(SETTINGS | {"optimizer": torch.optim.Adam} | settings))
    return policy, history(train_dpo(policy, frozen_copy(base), pairs, config))


def test_the_loss_starts_at_ln_2_with_rewards_0():
    _, metrics = run()
    assert metrics["loss"][0] == pytest.approx(math.log(2), abs=1e-12)
    for side in ("chosen", "rejected"):
        assert metrics[f"{side}_reward"][0] == pytest.approx(0, abs=1e-12)


def test_training_prefers_the_chosen():
    policy, metrics = run(steps=40)
    assert metrics["loss"][-1] < 0.3
    assert metrics["accuracy"][-1] == 1
    gain = [
        sequence_logprobs(policy, side) - sequence_logprobs(BASE, side)
        for side in (PAIRS.chosen, PAIRS.rejected)
    ]
    assert (gain[0] > gain[1]).all()


def test_same_seed_same_metrics_and_another_seed_others():
    assert run(seed=1)[1] == run(seed=1)[1]
    assert run(seed=1)[1] != run(seed=2)[1]


def test_a_larger_beta_stays_closer_to_the_reference():
    """At the optimum of labels from the same rewards: the exact world, 20,000 pairs."""
    world = exact_world(vocabulary=3, length=2, seed=0)
    pairs = as_preferences(world, *sample_pairs(world, 20_000, torch.Generator().manual_seed(0)))
    distances = []
    for beta in (0.5, 2.0):
        policy = starting_policy(world)
        config = DPOConfig(
            steps=400,
            beta=beta,
            batch_size=2000,
            learning_rate=0.05,
            warmup_steps=0,
            optimizer=torch.optim.Adam,
        )
        history(train_dpo(policy, world.reference, pairs, config))
        trained = response_distribution(policy, world.responses)
        optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=beta)
        assert total_variation(trained, optimum) < 0.05
        distances.append(total_variation(trained, world.reference_logprobs).item())
    assert distances[0] > 1.5 * distances[1]


def test_the_reference_is_left_alone():
    reference = frozen_copy(BASE)
    history(train_dpo(trainable_copy(BASE), reference, PAIRS, DPOConfig(**SETTINGS)))
    assert all(map(torch.equal, reference.parameters(), BASE.parameters()))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *((name, value) for name in ("steps", "batch_size") for value in (0, -1, 1.5, "8")),
        *(
            (name, value)
            for name in ("beta", "learning_rate")
            for value in (0.0, -1, float("nan"), "0.1")
        ),
    ],
)
def test_bad_settings_are_refused(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be a (finite|whole) number"):
        unchecked(DPOConfig, **(SETTINGS | {setting: value}))


def test_bad_data_is_refused_before_any_step():
    bad_token = Preferences(pad([[1]], [[7]]), pad([[1]], [[2]]))
    too_long = Preferences(pad([[1] * 6], [[2] * 3]), pad([[1] * 6], [[2]]))
    config = DPOConfig(**SETTINGS)
    for pairs, message in (
        (bad_token, r"token ids must lie in 0\.\.6"),
        (too_long, "context is 8"),
        (PAIRS[torch.tensor([0])], r"batch_size must lie in 1\.\.1"),
    ):
        with pytest.raises(ValueError, match=message):
            train_dpo(trainable_copy(BASE), BASE, pairs, config)


def test_another_kind_of_batch_is_refused():
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match="preferences must be Preferences, got Ranked"):
        train_dpo(trainable_copy(BASE), BASE, ranked_pairs(PAIRS), DPOConfig(**SETTINGS))
    with pytest.raises(ValueError, match="responses must be Responses, got Preferences"):
        train_sft(trainable_copy(BASE), PAIRS, SFTConfig(steps=1))
    with pytest.raises(ValueError, match="feedback must be Ranked or Labelled, got Preferences"):
        train_reward_model(
            reward_model(BASE, seed=0), PAIRS, RewardModelConfig(steps=1), pairwise_loss
        )


def test_a_frozen_policy_is_refused():
    with pytest.raises(ValueError, match="nothing would learn"):
        train_dpo(frozen_copy(BASE), BASE, PAIRS, DPOConfig(**SETTINGS))


def test_a_reference_that_would_move_with_the_policy_is_refused():
    policy = trainable_copy(BASE)
    for reference in (policy, GPT2(policy)):
        with pytest.raises(ValueError, match=r"shares \d+ parameters that learn with the policy"):
            train_dpo(policy, reference, PAIRS, DPOConfig(**SETTINGS))


def test_a_nan_in_the_weights_stops_the_run():
    broken = trainable_copy(BASE)
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="the loss is nan at step 0"):
        history(train_dpo(broken, BASE, PAIRS, DPOConfig(**SETTINGS)))


def test_the_reference_reads_only_pairs_that_are_drawn_and_none_when_no_step_is_left(
    tmp_path, monkeypatch
):
    read, reference = [], frozen_copy(BASE)

    def counted(model, pairs):
        read.extend([len(pairs)] * (model is reference))
        return pair_logprobs(model, pairs)

    monkeypatch.setattr("rlhf_lab.train.dpo.pair_logprobs", counted)
    config = DPOConfig(**(SETTINGS | {"steps": 1}))
    for expected in (2, 0):
        read.clear()
        where = Checkpoints(path=tmp_path / "run.safetensors", every=1, settings={})
        history(train_dpo(trainable_copy(BASE), reference, PAIRS, config, checkpoints=where))
        assert sum(read) == expected


def test_metrics_are_those_of_the_batch():
    _, metrics = run(steps=3, batch_size=4)
    for side in ("chosen", "rejected"):
        expected = sequence_logprobs(BASE, getattr(PAIRS, side)).mean().item()
        assert metrics[f"{side}_logprob"][0] == pytest.approx(expected)
    for step in range(3):
        margin = metrics["chosen_reward"][step] - metrics["rejected_reward"][step]
        assert metrics["margin"][step] == pytest.approx(margin)
    assert metrics["margin"][2] > 0
    gains = [metrics["chosen_logprob"][2] - metrics["chosen_logprob"][0]]
    assert metrics["chosen_reward"][2] == pytest.approx(0.1 * gains[0])


def test_the_rate_warms_up_and_the_norm_is_bounded(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "rlhf_lab.train.micro_batches.Update.apply",
        lambda update, **settings: seen.append(settings) or update.means() | {"grad_norm": 0.0},
    )
    run(steps=3, learning_rate=1.0, warmup_steps=2, max_grad_norm=0.7)
    assert [s["learning_rate"] for s in seen] == [0.5, 1.0, 1.0]
    assert {s["max_grad_norm"] for s in seen} == {0.7}


def test_dropout_is_off():
    noisy = trainable_copy(BASE)
    noisy.transformer.drop.p = 0.9
    noisy_reference = trainable_copy(noisy).train()
    config = DPOConfig(**SETTINGS)
    metrics = history(train_dpo(noisy.train(), noisy_reference, PAIRS, config))
    assert metrics["loss"][0] == pytest.approx(math.log(2), abs=1e-12)


def test_bad_data_is_refused_on_either_side_and_for_either_model():
    config = DPOConfig(**(SETTINGS | {"batch_size": 1}))
    small = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0).double()
    good, bad = pad([[1]], [[2]]), pad([[1]], [[9]])
    with pytest.raises(ValueError, match=r"0\.\.6"):
        train_dpo(trainable_copy(BASE), BASE, Preferences(good, bad), config)
    with pytest.raises(ValueError, match=r"0\.\.4"):
        train_dpo(trainable_copy(BASE), small, Preferences(good, pad([[1]], [[6]])), config)


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(tmp_path):
    whole_policy, whole = run(steps=7)
    where = Checkpoints(path=tmp_path / "run.safetensors", every=2, settings={})
    config = DPOConfig(**(SETTINGS | {"optimizer": torch.optim.Adam, "steps": 7}))
    broken = train_dpo(trainable_copy(BASE), frozen_copy(BASE), PAIRS, config, checkpoints=where)
    first = [next(broken) for _ in range(4)]
    broken.close()
    policy = trainable_copy(BASE)
    rest = list(train_dpo(policy, frozen_copy(BASE), PAIRS, config, checkpoints=where))
    assert rest[0]["step"] == 2
    assert {name: [row[name] for row in [*first[:2], *rest]] for name in whole} == whole
    assert all(map(torch.equal, policy.parameters(), whole_policy.parameters()))
    other = tiny_gpt2(7, layers=1, width=16, heads=2, context=8, seed=1).double()
    with pytest.raises(CheckpointError, match="another reference; give the reference of the call"):
        next(train_dpo(trainable_copy(BASE), other, PAIRS, config, checkpoints=where))
