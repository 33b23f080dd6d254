import pytest
import torch
from torch import nn

from rlhf_lab.compatibility import check_fits, check_positions
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.models import tiny_gpt2, trainable_copy, value_model
from rlhf_lab.responses import pad
from rlhf_lab.rewards.networks import reward_model
from rlhf_lab.sampling import sample
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.sft import SFTConfig, train_sft

MODEL = tiny_gpt2(11, layers=2, width=16, heads=2, context=12, seed=0).double()
UNEVEN = pad([[1, 2, 3], [4]], [[5, 6], [7, 8, 9, 10]])


class CountsPads(nn.Module):
    """A model that swallows position_ids and counts columns, as BART's decoder does."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, position_ids=None, **inputs):
        columns = inputs["attention_mask"].shape[1]
        return self.model(position_ids=torch.arange(columns)[None], **inputs)


class BeginsAtTwo(CountsPads):
    """A model whose first token has position 2, unless it is told otherwise, as RoBERTa."""

    def forward(self, position_ids=None, **inputs):
        columns = inputs["attention_mask"].shape[1]
        own = torch.arange(2, 2 + columns)[None] if position_ids is None else position_ids
        return self.model(position_ids=own, **inputs)


@pytest.mark.parametrize("bad", [11, -1])
def test_a_token_outside_the_vocabulary_is_refused(bad):
    with pytest.raises(ValueError, match=r"token ids must lie in 0\.\.10"):
        check_fits(MODEL, pad([[1]], [[2, bad]]))
    with pytest.raises(ValueError, match=r"prompts: token ids must lie in 0\.\.10"):
        check_fits(MODEL, pad([[bad]], [[2]]))


def test_a_text_longer_than_the_context_is_refused():
    check_fits(MODEL, pad([[1] * 6], [[2] * 6]))
    with pytest.raises(ValueError, match="up to 13 tokens, but the model's context is 12"):
        check_fits(MODEL, pad([[1] * 7], [[2] * 6]))


def test_a_batch_on_another_device_is_refused():
    with pytest.raises(ValueError, match="are on meta and the model on cpu"):
        check_fits(MODEL, pad([[1]], [[2]]).to("meta"))


def test_a_model_without_a_limit_reads_texts_of_any_length():
    model = CountsPads(MODEL)
    model.config = type("Config", (), {"vocab_size": 11})()
    long = pad([[1]], [[1] * 90])
    check_fits(model, long)
    with pytest.raises(ValueError, match=r"needs config\.vocab_size, .* got Linear"):
        check_fits(nn.Linear(1, 1), long)


@pytest.mark.parametrize("kind", [CountsPads, BeginsAtTwo])
def test_a_model_that_numbers_tokens_in_another_way_is_refused(kind):
    other, message = kind(MODEL), f"{kind.__name__} says something else, by"
    with pytest.raises(ValueError, match=message):
        train_sft(other, UNEVEN, SFTConfig(steps=1, batch_size=1))
    config = PPOConfig(steps=1, max_tokens=2, end_token=0, batch_size=2, minibatch_size=2)
    critic = trainable_copy(MODEL)
    with pytest.raises(ValueError, match=message):
        train_ppo(other, lambda r: r.mask.sum(1).float(), [[1, 2], [3]], config, critic=critic)
    judge = reward_model(MODEL, seed=0)
    judge.trunk = kind(judge.trunk)
    with pytest.raises(ValueError, match="ScalarModel says something else"):
        check_fits(judge, UNEVEN)


def test_where_there_are_no_pads_they_may_count():
    check_fits(CountsPads(MODEL), pad([[1, 2], [3, 4]], [[5], [6, 7]]))


def noisy():
    """A model in training mode, with dropout."""
    model = trainable_copy(MODEL).train()
    model.transformer.drop.p = 0.5
    return model


@pytest.mark.parametrize(
    "made",
    [
        lambda: MODEL,
        lambda: GPT2(MODEL),
        lambda: trainable_copy(MODEL).bfloat16(),
        lambda: value_model(MODEL),
        lambda: reward_model(MODEL, seed=0),
        noisy,
    ],
    ids=["transformers", "ours", "bfloat16", "critic", "reward model", "dropout"],
)
def test_a_model_that_counts_real_tokens_is_accepted_and_nothing_changes(made):
    model = made()
    mode, randomness = model.training, torch.get_rng_state()
    check_positions(model, UNEVEN)
    assert model.training == mode
    assert torch.equal(torch.get_rng_state(), randomness)


def test_a_model_without_a_cache_cannot_sample_and_says_so():
    class Forgetful(CountsPads):
        def forward(self, **inputs):
            output = self.model(**inputs)
            output.past_key_values = None
            return output

    one = torch.ones(1, 1, dtype=torch.long)
    with pytest.raises(ValueError, match="Forgetful keeps no past_key_values"):
        sample(
            Forgetful(MODEL),
            one,
            one.bool(),
            max_tokens=2,
            end_token=0,
            generator=torch.Generator(),
        )
