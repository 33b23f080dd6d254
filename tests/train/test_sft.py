import pytest
import torch

from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.models import TabularPolicy, tiny_gpt2
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


def test_a_batch_larger_than_the_data_is_refused():
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)
    with pytest.raises(ValueError, match="batch_size must lie in 1"):
        train_sft(model, pad([[1]], [[2]]), SFTConfig(steps=1, batch_size=2))
