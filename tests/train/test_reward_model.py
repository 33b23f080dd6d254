import itertools
from dataclasses import replace

import pytest
import torch
from jaxtyping import config

from rlhf_lab.feedback.labelled import Labelled
from rlhf_lab.feedback.ranked import Ranked, ranked_pairs
from rlhf_lab.models import ScalarModel, Table, TabularValues, frozen_copy, tiny_gpt2
from rlhf_lab.preferences import sample_comparison
from rlhf_lab.responses import Responses, pad
from rlhf_lab.rewards.losses import (
    listwise_loss,
    pairwise_loss,
    preferencewise_loss,
    rating_loss,
    thumb_loss,
    token_sum_loss,
)
from rlhf_lab.rewards.networks import (
    last_outputs,
    response_rewards,
    reward_model,
    summed_token_rewards,
)
from rlhf_lab.rewards.preferencewise import preference_logit
from rlhf_lab.rewards.quality import least_error
from rlhf_lab.train.loop import history
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.worlds.exact import as_preferences, exact_world, expected_pairs, sample_pairs

BASE = tiny_gpt2(7, layers=1, width=16, heads=2, context=8, seed=0).double()
RANKED = Ranked(pad([[1, 2]] * 3 + [[3]] * 3, [[1], [2, 3], [4], [1, 2, 3], [4, 4], [5]]), 3)
SETTINGS = {"steps": 40, "batch_size": 2, "learning_rate": 1e-2}
TABLE_SETTINGS = {"steps": 150, "batch_size": 5000, "learning_rate": 0.1, "max_grad_norm": 100.0}


def trained(model, feedback, loss, **settings):
    config = RewardModelConfig(**(SETTINGS | settings))
    return history(train_reward_model(model, feedback, config, loss))


def single_tokens(tokens):
    """Responses of one token each to the prompt (0)."""
    column = torch.as_tensor(tokens)[:, None]
    real = torch.ones_like(column, dtype=torch.bool)
    return Responses(torch.zeros_like(column), real, column, real)


def evenly_drawn(world):
    """The world with every response as likely as any other."""
    count = len(world.rewards)
    even = torch.full((count,), 1 / count, dtype=torch.float64).log()
    return replace(world, reference_logprobs=even)


def error_of_the_fit(world, seed):
    pairs = sample_pairs(world, 100_000, torch.Generator().manual_seed(seed))
    longest = world.responses.tokens.shape[1]
    model = TabularValues(world.reference.config.vocab_size, longest + 1).double()
    data = ranked_pairs(as_preferences(world, *pairs))
    trained(model, data, pairwise_loss, **TABLE_SETTINGS)
    with torch.no_grad():
        error = response_rewards(model, world.responses) - world.rewards
    return (error - error.mean()).square().mean().sqrt().item()


@pytest.mark.parametrize("seed", range(3))
def test_100_000_comparisons_recover_nine_rewards_to_0_02(seed):
    world = evenly_drawn(exact_world(vocabulary=3, length=2, seed=seed))
    assert error_of_the_fit(world, seed) < 0.02


def test_the_error_of_125_rewards_is_the_least_that_theory_allows():
    """About 0.06: with so many responses each is compared 1,600 times, and no fit does better."""
    world = evenly_drawn(exact_world(seed=0))
    pairs = expected_pairs(world.reference_logprobs, world.rewards)
    least = least_error(world.rewards, pairs, comparisons=100_000).item()
    assert least > 0.05
    assert error_of_the_fit(world, 0) == pytest.approx(least, rel=0.2)


def test_no_score_fits_a_circle_and_a_general_preference_model_does():
    """Rock, paper, scissors: each beats the next with 90 %. A score's best guess is a coin."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randint(3, (10_000,), generator=generator)
    second = (first + torch.randint(1, 3, (10_000,), generator=generator)) % 3
    beats = torch.where((first + 1) % 3 == second, 2.2, -2.2)
    wins = sample_comparison(beats, torch.zeros_like(beats), generator)
    winners, losers = torch.where(wins, first, second), torch.where(wins, second, first)
    pairs = Ranked(single_tokens(torch.stack([winners, losers], dim=1).flatten()), 2)
    scores, vectors = TabularValues(3, 2).double(), Table(3, 2, columns=2).double()
    with torch.no_grad():
        vectors.table.copy_(torch.randn(4, 2, generator=generator))
    trained(scores, pairs, pairwise_loss, **TABLE_SETTINGS)
    trained(vectors, pairs, preferencewise_loss, **TABLE_SETTINGS)
    everything = single_tokens([0, 1, 2])
    with torch.no_grad():
        rewards = response_rewards(scores, everything)
        outputs = last_outputs(vectors, everything)
    by_score = (rewards - rewards.roll(-1)).sigmoid()
    by_vector = preference_logit(outputs, outputs.roll(-1, dims=0)).sigmoid()
    assert by_score.tolist() == pytest.approx([0.5] * 3, abs=0.05)
    assert by_vector.tolist() == pytest.approx([0.9] * 3, abs=0.03)


def test_a_lists_fit_has_plackett_luces_scores():
    """All six orders as often as theory says: the fit finds the scores up to a constant."""
    scores = torch.tensor([1.0, 0.0, -0.5], dtype=torch.float64)
    rows = []
    for order in itertools.permutations(range(3)):
        left, probability = list(order), 1.0
        while left:
            probability *= (scores[left[0]].exp() / scores[left].exp().sum()).item()
            left.pop(0)
        rows += [order] * round(10_000 * probability)
    ranked = Ranked(single_tokens(torch.tensor(rows).flatten()), 3)
    model = TabularValues(3, 2).double()
    trained(model, ranked, listwise_loss, **TABLE_SETTINGS)
    with torch.no_grad():
        found = response_rewards(model, single_tokens([0, 1, 2]))
    assert (found - found.mean() - scores + scores.mean()).abs().max() < 0.02


def test_thumbs_fit_log_odds_and_ratings_fit_means():
    shares = torch.tensor([0.2, 0.5, 0.9])
    tokens = torch.arange(3).repeat_interleave(1000)
    ups = (torch.arange(1000) / 1000 < shares[:, None]).double().flatten()
    found = {}
    for name, loss in (("thumb", thumb_loss), ("rating", rating_loss)):
        model = TabularValues(3, 2).double()
        trained(
            model,
            Labelled(single_tokens(tokens), ups),
            loss,
            **TABLE_SETTINGS | {"batch_size": 1000},
        )
        with torch.no_grad():
            found[name] = response_rewards(model, single_tokens([0, 1, 2]))
    assert found["thumb"].tolist() == pytest.approx(shares.logit().tolist(), abs=0.05)
    assert found["rating"].tolist() == pytest.approx(shares.tolist(), abs=0.02)


@pytest.mark.parametrize(
    ("loss", "rewards"),
    [
        (pairwise_loss, response_rewards),
        (listwise_loss, response_rewards),
        (token_sum_loss, summed_token_rewards),
    ],
)
def test_a_network_learns_the_order_of_every_ranking(loss, rewards):
    model = reward_model(BASE, seed=0)
    metrics = trained(model, RANKED, loss)
    assert metrics["loss"][-1] < 0.2 < metrics["loss"][0]
    best_first = rewards(model, RANKED.responses).view(2, 3)
    assert (best_first.diff(dim=1) < 0).all()


def test_a_prompt_weighs_the_same_however_many_pairs_it_has():
    """All pairs of a prompt are one element: the loss is the mean over prompts of pair means."""
    model = reward_model(BASE, seed=0)
    apart = [pairwise_loss(model, RANKED[torch.tensor([n])]) for n in range(2)]
    assert pairwise_loss(model, RANKED).item() == pytest.approx(sum(apart).item() / 2)


def test_same_seed_same_metrics_and_another_seed_others():
    runs = [
        trained(reward_model(BASE, seed=0), RANKED, pairwise_loss, batch_size=1, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_a_frozen_trunk_is_refused_and_one_with_weights_that_learn_is_not():
    """A head on a frozen trunk: made by hand, as `reward_model` cannot make it."""
    model = ScalarModel(frozen_copy(BASE))
    model.trunk = frozen_copy(BASE).transformer
    with pytest.raises(ValueError, match="every weight of the reward model's trunk is frozen"):
        trained(model, RANKED, pairwise_loss)
    with pytest.raises(ValueError, match=r"make the model with rlhf_lab\.rewards\.networks\."):
        trained(frozen_copy(reward_model(BASE, seed=0)), RANKED, pairwise_loss)
    model.trunk.ln_f.requires_grad_(True)  # as adapters in a frozen trunk
    before = model.trunk.ln_f.bias.clone(), model.trunk.wte.weight.clone()
    trained(model, RANKED, pairwise_loss, steps=2)
    assert not torch.equal(model.trunk.ln_f.bias, before[0])
    assert torch.equal(model.trunk.wte.weight, before[1])


def test_the_trunk_of_a_frozen_model_learns():
    model = reward_model(frozen_copy(BASE), seed=0)
    trained(model, RANKED, pairwise_loss, steps=1)
    changed = [
        not torch.equal(after, before)
        for after, before in zip(
            model.trunk.h.parameters(), BASE.transformer.h.parameters(), strict=True
        )
    ]
    assert all(changed)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        *(
            (name, 0, "must be a whole number, 1 or above, got 0")
            for name in ("steps", "batch_size")
        ),
        ("warmup_steps", -1, "must be a whole number, 0 or above, got -1"),
        ("learning_rate", 0, "must be a finite number above 0, got 0"),
        ("max_grad_norm", float("nan"), "must be a finite number above 0, got nan"),
    ],
)
def test_bad_settings_are_refused(setting, value, message):
    with pytest.raises(ValueError, match=f"{setting} {message}"):
        RewardModelConfig(**(SETTINGS | {setting: value}))


def test_a_negative_weight_decay_is_refused():
    with pytest.raises(ValueError, match="weight_decay must be a finite number, 0 or above"):
        RewardModelConfig(**SETTINGS, weight_decay=-1)


def test_bad_data_is_refused_before_any_step():
    config = RewardModelConfig(**SETTINGS)
    unknown = Ranked(pad([[1]] * 2, [[7], [1]]), 2)
    model = reward_model(BASE, seed=0)
    with pytest.raises(ValueError, match=r"token ids must lie in 0\.\.6"):
        train_reward_model(model, unknown, config, pairwise_loss)
    with pytest.raises(ValueError, match=r"batch_size must lie in 1\.\.1"):
        train_reward_model(model, RANKED[:1], config, pairwise_loss)
    too_long = Ranked(pad([[1] * 6] * 2, [[2] * 3, [1]]), 2)
    with pytest.raises(ValueError, match="up to 9 tokens, but the model's context is 8"):
        train_reward_model(model, too_long, config, pairwise_loss)


def test_a_nan_in_the_weights_stops_the_run():
    model = reward_model(BASE, seed=0)
    with torch.no_grad():
        model.head.weight.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="the loss is nan at step 0"):
        trained(model, RANKED, pairwise_loss)


def test_the_rate_warms_up_then_falls_to_nothing(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "rlhf_lab.train.micro_batches.Update.apply",
        lambda update, **settings: seen.append(settings["learning_rate"]) or update.means(),
    )
    trained(
        reward_model(BASE, seed=0),
        RANKED,
        pairwise_loss,
        steps=4,
        learning_rate=1.0,
        warmup_steps=2,
    )
    assert seen == [0.5, 0.75, 0.5, 0.25]


def test_dropout_is_off():
    noisy = reward_model(BASE, seed=0)
    noisy.trunk.drop.p = 0.9
    plain = trained(reward_model(BASE, seed=0), RANKED, pairwise_loss, steps=2)
    assert trained(noisy.train(), RANKED, pairwise_loss, steps=2) == plain


def test_a_loss_of_another_kind_of_feedback_is_refused():
    config.update("jaxtyping_disable", True)  # until the next test: as users call it
    thumbs = Labelled(RANKED.responses, torch.ones(6))
    model = reward_model(BASE, seed=0)
    for loss in (pairwise_loss, listwise_loss, token_sum_loss, preferencewise_loss):
        with pytest.raises(ValueError, match="one of Ranked feedback, got Labelled"):
            loss(model, thumbs)
    for loss in (thumb_loss, rating_loss):
        with pytest.raises(ValueError, match="one of Labelled feedback, got Ranked"):
            loss(model, RANKED)
