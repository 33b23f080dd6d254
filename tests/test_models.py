import pytest
import torch
from transformers import OPTConfig, OPTForCausalLM

from rlhf_lab.logprobs import response_logprobs, response_values
from rlhf_lab.models import (
    ScalarModel,
    TabularPolicy,
    frozen_copy,
    tiny_gpt2,
    trainable_copy,
    value_model,
)
from rlhf_lab.responses import pad
from rlhf_lab.rewards.networks import reward_model
from rlhf_lab.worlds.exact import all_responses

SETTINGS = {"layers": 1, "width": 8, "heads": 2, "context": 8}


def test_same_seed_same_weights_and_the_global_state_stays():
    before = torch.get_rng_state()
    one, other = (tiny_gpt2(5, seed=1, **SETTINGS) for _ in range(2))
    assert all(map(torch.equal, one.parameters(), other.parameters()))
    assert not torch.equal(one.lm_head.weight, tiny_gpt2(5, seed=2, **SETTINGS).lm_head.weight)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_is_off_even_in_training_mode():
    model = tiny_gpt2(5, seed=1, **SETTINGS).train()
    batch = pad([[1]], [[2, 3]])
    assert torch.equal(response_logprobs(model, batch), response_logprobs(model, batch))


@pytest.mark.parametrize("copied", [frozen_copy, trainable_copy])
def test_in_a_copy_dropout_is_off_and_the_original_stays_as_it_is(copied):
    """Else log π of one text would differ from pass to pass."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 50), torch.nn.Dropout(0.5)).train()
    x, copy = torch.ones(1, 4), copied(model)
    assert torch.equal(copy(x), copy(x))
    assert model.training
    assert not torch.equal(model(x), model(x))


def test_a_frozen_copy_does_not_learn_and_a_trainable_copy_of_it_does():
    model = tiny_gpt2(5, seed=1, **SETTINGS)
    frozen = frozen_copy(model)
    assert not any(p.requires_grad for p in frozen.parameters())
    assert all(p.requires_grad for p in trainable_copy(frozen).parameters())
    with torch.no_grad():
        next(model.parameters()).zero_()
    assert next(frozen.parameters()).any()


def test_each_prefix_has_its_own_row():
    policy = TabularPolicy(3, 3)
    rows = policy.prefix_rows(torch.cat([torch.zeros(27, 1).long(), all_responses(3, 3).tokens], 1))
    assert set(rows[:, 0].tolist()) == {0}
    assert sorted(set(rows[:, :3].flatten().tolist())) == list(range(1 + 3 + 9))
    prefixes = {
        (n, tuple(tokens[:n])): int(row[n])
        for tokens, row in zip(all_responses(3, 3).tokens.tolist(), rows, strict=True)
        for n in range(3)
    }
    assert len(set(prefixes.values())) == len(prefixes) == 13


def test_a_table_can_hold_any_conditional():
    policy = TabularPolicy(3, 2).double()
    policy.table.data.copy_(torch.arange(12.0).view(4, 3))
    logprobs = response_logprobs(policy, pad([[0]], [[2, 1]]))
    first = policy.table[0].log_softmax(0)[2]
    second = policy.table[3].log_softmax(0)[1]
    assert logprobs.tolist() == [[pytest.approx(first.item()), pytest.approx(second.item())]]


def test_a_table_refuses_a_padded_prompt():
    """It would take the pads for tokens of the response and read another row."""
    batch = pad([[0], [1, 2]], [[0], [0]])
    for table in (TabularPolicy(3, 2), value_model(TabularPolicy(3, 2))):
        with pytest.raises(ValueError, match="prompts of exactly one token"):
            response_logprobs(table, batch)


@pytest.mark.parametrize("policy", [tiny_gpt2(5, seed=1, **SETTINGS), TabularPolicy(5, 4).double()])
def test_a_new_value_model_expects_0_everywhere_and_learns_everywhere(policy):
    batch = pad([[1]] * 2, [[2, 3, 0], [4]])
    critic = value_model(frozen_copy(policy))
    values = response_values(critic, batch)
    assert values.shape == batch.tokens.shape
    assert values.dtype == next(policy.parameters()).dtype
    assert (values == 0).all()
    assert all(p.requires_grad for p in critic.parameters())


def test_a_value_is_the_head_on_what_the_trunk_saw_before_the_token():
    """Index t sees the prompt and tokens < t, and neither token t nor any padding."""
    model = ScalarModel(tiny_gpt2(5, seed=1, **SETTINGS).double())
    with torch.no_grad():
        model.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    values = response_values(model, pad([[1, 2], [3]], [[2, 3], [4, 1]]))
    for row, text in enumerate(([1, 2, 2], [3, 4])):
        hidden = model.trunk(torch.tensor([text])).last_hidden_state[0, -1]
        assert values[row, 1].item() == pytest.approx((model.head.weight @ hidden).item())
    changed = response_values(model, pad([[1, 2], [3]], [[2, 4], [4, 2]]))
    assert torch.allclose(values, changed)


class Adapted(torch.nn.Module):
    """What peft makes: `base_model` is a layer around the whole language model."""

    def __init__(self, model):
        super().__init__()
        self.config, self.base_model = model.config, torch.nn.ModuleDict({"model": model})

    def get_base_model(self):
        return self.base_model["model"]


def test_under_adapters_the_trunk_is_that_of_the_model_inside():
    model = tiny_gpt2(5, seed=1, **SETTINGS)
    batch = pad([[1]] * 2, [[2, 3, 0], [4]])
    for made in (value_model, lambda m: reward_model(m, seed=0)):
        plain, adapted = (response_values(made(m), batch) for m in (model, Adapted(model)))
        assert torch.equal(plain, adapted)


def test_a_head_is_as_wide_as_what_the_language_models_own_head_reads():
    """Not as the trunk within: OPT-350m's last layer makes 512 numbers of 1024."""
    config = OPTConfig(
        vocab_size=5,
        hidden_size=8,
        word_embed_proj_dim=4,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=8,
        max_position_embeddings=8,
    )
    critic = value_model(OPTForCausalLM(config))
    assert critic.head.in_features == 4
    assert response_values(critic, pad([[1]], [[2, 3]])).shape == (1, 2)


def test_a_model_without_a_trunk_is_refused():
    with pytest.raises(ValueError, match="Linear has no trunk apart from its head"):
        value_model(torch.nn.Linear(2, 2))


def test_training_the_value_model_leaves_the_policy_alone():
    policy = tiny_gpt2(5, seed=1, **SETTINGS)
    critic = value_model(policy)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.add_(1)
    untouched = tiny_gpt2(5, seed=1, **SETTINGS)
    assert all(map(torch.equal, policy.parameters(), untouched.parameters()))


@pytest.mark.parametrize("token", [-1, 3])
def test_a_table_has_no_row_for_an_id_outside_its_vocabulary(token):
    """It would read the row of another prefix; what a prompt of one token is says nothing."""
    for table in (TabularPolicy(3, 3), value_model(TabularPolicy(3, 3))):
        with pytest.raises(ValueError, match=f"token ids must be 0 to 2, got {token}"):
            response_values(table, pad([[0]], [[0, token, 1]]))
    assert torch.equal(table.prefix_rows(torch.tensor([[7, 1]])), torch.tensor([[0, 2]]))


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_no_generator_takes_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be"):
        tiny_gpt2(5, seed=seed, **SETTINGS)
    with pytest.raises(ValueError, match="seed must be"):
        reward_model(tiny_gpt2(5, seed=1, **SETTINGS), seed=seed)
