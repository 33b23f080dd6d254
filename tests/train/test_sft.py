import pytest
import torch
from shape_checker import unchecked

from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.models import TabularPolicy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import pad
from rlhf_lab.train.loop import history
from rlhf_lab.train.sft import SFTConfig, _batches_of_like_length, train_sft
from rlhf_lab.worlds.exact import exact_world, response_distribution
from rlhf_lab.worlds.optimum import total_variation


def test_supervised_training_fits_the_distribution_of_its_data():
    """Maximum likelihood on many samples of a known policy finds that policy."""
    world = exact_world(vocabulary=3, length=2, seed=0)
    generator = torch.Generator().manual_seed(0)
    rows = torch.multinomial(world.reference_logprobs.exp(), 20_000, True, generator=generator)
    policy = TabularPolicy(3, 2).double()
    config = SFTConfig(steps=200, batch_size=1000, learning_rate=0.1, warmup_steps=0)
    history(train_sft(policy, world.responses[rows], config))
    fitted = response_distribution(policy, world.responses)
    assert total_variation(fitted, world.reference_logprobs) < 0.02


def test_the_loss_is_nats_a_token_of_the_responses_alone():
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0).double()
    batch = pad([[1, 2], [3]], [[1, 2, 3], [4]])
    expected = -sequence_logprobs(model, batch).sum().item() / 4
    config = SFTConfig(steps=1, batch_size=2)
    assert history(train_sft(model, batch, config))["loss"][0] == pytest.approx(expected)


def test_every_row_is_trained_on_once_an_epoch():
    lengths = torch.randint(1, 9, (96,), generator=torch.Generator().manual_seed(0)).tolist()
    data = pad([[1]] * 96, [[1] * length for length in lengths])
    config = SFTConfig(steps=24, batch_size=4)
    batches = list(_batches_of_like_length(data, config, torch.Generator().manual_seed(0)))
    assert len(batches) == 24
    assert sorted(torch.cat(batches).tolist()) == list(range(96))
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches]
    assert sum(spread) / len(spread) < 1.5


def test_no_row_is_left_out_where_the_rows_are_no_multiple_of_a_pool():
    """33 batches of 4: one pool of 32 and one of 1. Of 134 rows the odd two are left out."""
    for rows in (132, 134):
        data = pad([[1]] * rows, [[1] * (1 + row % 7) for row in range(rows)])
        config = SFTConfig(steps=66, batch_size=4)
        batches = list(_batches_of_like_length(data, config, torch.Generator().manual_seed(0)))
        for epoch in (batches[:33], batches[33:]):
            seen = torch.cat(epoch).tolist()
            assert len(set(seen)) == len(seen) == 132


def test_a_batch_larger_than_the_data_is_refused():
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)
    with pytest.raises(ValueError, match="batch_size must lie in 1"):
        train_sft(model, pad([[1]], [[2]]), SFTConfig(steps=1, batch_size=2))


def settings_of_updates(monkeypatch, run):
    """What each update of a run was asked to do, with no update done."""
    seen = []
    monkeypatch.setattr(
        "rlhf_lab.train.micro_batches.Update.apply",
        lambda update, **settings: seen.append(settings) or update.means() | {"grad_norm": 0.0},
    )
    history(run)
    return seen


def test_the_rate_rises_then_falls_in_a_line_and_the_norm_is_bounded(monkeypatch):
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)
    config = SFTConfig(steps=5, batch_size=1, learning_rate=1.0, warmup_steps=2, max_grad_norm=0.7)
    seen = settings_of_updates(monkeypatch, train_sft(model, pad([[1]], [[2]]), config))
    assert [s["learning_rate"] for s in seen] == pytest.approx([0.5, 0.8, 0.6, 0.4, 0.2])
    assert {s["max_grad_norm"] for s in seen} == {0.7}


def test_the_seed_decides_the_order_and_a_cut_pool_gives_no_extra_step():
    data = pad([[1]] * 40, [[1 + n % 4] * (1 + n % 5) for n in range(40)])

    def losses(seed):
        model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)
        config = SFTConfig(steps=13, batch_size=4, seed=seed)
        return history(train_sft(model, data, config))["loss"]

    assert losses(1) == losses(1) != losses(2)
    assert len(losses(1)) == 13


def test_dropout_is_off():
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)
    model.transformer.drop.p = 0.9
    data = pad([[1]], [[2, 3]])
    clean = -sequence_logprobs(model.eval(), data).item() / 2
    run = train_sft(model.train(), data, SFTConfig(steps=1, batch_size=1))
    assert history(run)["loss"][0] == pytest.approx(clean, abs=1e-6)


def test_bad_data_and_settings_are_refused_before_any_step():
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)
    with pytest.raises(ValueError, match=r"token ids must lie in 0\.\.4"):
        train_sft(model, pad([[1]], [[5]]), SFTConfig(steps=1, batch_size=1))
    with pytest.raises(ValueError, match="context is 8"):
        train_sft(model, pad([[1]], [[2] * 8]), SFTConfig(steps=1, batch_size=1))
    for name in ("steps", "batch_size", "learning_rate", "max_grad_norm"):
        for value in (0, "1", float("nan")):
            with pytest.raises(ValueError, match=f"{name} must be a (finite|whole) number"):
                unchecked(SFTConfig, **({"steps": 1} | {name: value}))


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(tmp_path):
    base = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0).double()
    data = pad([[1]] * 9, [[2, 3, row % 5] for row in range(9)])
    config = SFTConfig(steps=7, batch_size=2)
    whole_policy = trainable_copy(base)
    whole = list(train_sft(whole_policy, data, config))
    where = Checkpoints(path=tmp_path / "run.safetensors", every=3, settings={})
    broken = train_sft(trainable_copy(base), data, config, checkpoints=where)
    first = [next(broken) for _ in range(5)]
    broken.close()
    policy = trainable_copy(base)
    rest = list(train_sft(policy, data, config, checkpoints=where))
    assert [*first[:3], *rest] == whole
    assert all(map(torch.equal, policy.parameters(), whole_policy.parameters()))
