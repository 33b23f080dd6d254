import pytest
import torch

from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.models import TabularPolicy, frozen_copy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import pad
from rlhf_lab.worlds.exact import all_responses

SETTINGS = {"layers": 1, "width": 8, "heads": 2, "context": 8}


def test_same_seed_same_weights_and_the_global_state_stays():
    before = torch.get_rng_state()
    one, other = (tiny_gpt2(5, seed=1, **SETTINGS) for _ in range(2))
    assert all(map(torch.equal, one.parameters(), other.parameters()))
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_is_off_even_in_training_mode():
    model = tiny_gpt2(5, seed=1, **SETTINGS).train()
    batch = pad([[1]], [[2, 3]])
    assert torch.equal(response_logprobs(model, batch), response_logprobs(model, batch))


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
