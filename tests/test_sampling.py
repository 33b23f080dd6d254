import pytest
import torch

from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.models import TabularPolicy, tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.sampling import sample
from rlhf_lab.worlds.exact import exact_world

MODEL = tiny_gpt2(6, layers=2, width=16, heads=2, context=12, seed=0).double()
PROMPTS = pad([[1, 2, 3], [4], [5, 5]], [[0]] * 3)


def rollout(model=MODEL, seed=0, batch=PROMPTS, **settings):
    settings = {"max_tokens": 8, "end_token": 0} | settings
    generator = torch.Generator().manual_seed(seed)
    return sample(model, batch.prompts, batch.prompt_mask, generator=generator, **settings)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_recorded_logprobs_are_those_of_scoring(temperature):
    """The cache, the positions, the padding and the temperature agree with one full pass."""
    drawn = rollout(temperature=temperature)
    scored = response_logprobs(MODEL, drawn.responses, temperature=temperature)
    mask = drawn.responses.mask
    assert torch.allclose(drawn.logprobs[mask], scored[mask], atol=1e-10)


def test_a_response_ends_with_its_first_end_token():
    drawn = rollout(batch=pad([[1]] * 200, [[0]] * 200)).responses
    for tokens, mask in zip(drawn.tokens, drawn.mask, strict=True):
        real = tokens[mask].tolist()
        assert 0 not in real[:-1]
        assert real[-1] == 0 or len(real) == 8


def test_without_an_end_token_all_have_full_length():
    assert rollout(end_token=None).responses.mask.sum(1).tolist() == [8, 8, 8]


def test_sampled_frequencies_are_the_policys():
    world = exact_world(vocabulary=3, length=2, seed=1)
    count = 100_000
    drawn = rollout(
        world.reference, batch=pad([[0]] * count, [[0]] * count), max_tokens=2, end_token=None
    ).responses
    frequency = (drawn.tokens[:, None] == world.responses.tokens).all(-1).double().mean(0)
    expected = world.reference_logprobs.exp()
    assert ((frequency - expected).abs() < 4.5 * (expected * (1 - expected) / count).sqrt()).all()


def test_a_token_of_probability_0_is_never_drawn():
    policy = TabularPolicy(4, 1).double()
    policy.table.data[0] = torch.tensor([-torch.inf, 0.0, -torch.inf, -torch.inf])
    drawn = rollout(policy, batch=pad([[0]] * 1000, [[0]] * 1000), max_tokens=1, end_token=None)
    assert (drawn.responses.tokens == 1).all()


def test_same_seed_same_rollout():
    assert torch.equal(rollout(seed=3).logprobs, rollout(seed=3).logprobs)


def test_sampling_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    rollout()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": pad([[6]], [[0]])}, r"prompts: token ids must lie in 0\.\.5"),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"max_tokens": 10}, "exceed the model's context of 12"),
        ({"temperature": 0.0}, "temperature must be above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        rollout(**settings)


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 1), (1.0, 3)])
def test_the_ends_of_the_unit_interval_give_real_tokens(monkeypatch, uniform, token):
    """A draw of 0 skips a token of probability 0; rounding up to 1 stays in the vocabulary."""
    policy = TabularPolicy(4, 1).double()
    policy.table.data[0] = torch.tensor([-torch.inf, 0.0, 0.0, 0.0])
    full = torch.full((1, 1), uniform, dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *_shape, **_settings: full)
    drawn = rollout(policy, batch=pad([[0]], [[0]]), max_tokens=1, end_token=None)
    assert drawn.responses.tokens.item() == token


def test_sampling_keeps_no_gradient():
    assert not rollout().logprobs.requires_grad
