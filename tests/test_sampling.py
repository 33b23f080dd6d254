import math

import pytest
import torch
from jaxtyping import config

from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.models import TabularPolicy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import pad
from rlhf_lab.sampling import best_of_n, sample
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.optimum import kl_divergence

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
        ({"max_tokens": 0}, "max_tokens must be a whole number, 1 or above"),
        ({"max_tokens": 10}, "the model's context is 12"),
        ({"min_tokens": 0}, "min_tokens must be a whole number, 1 or above"),
        ({"min_tokens": 9}, "min_tokens = 9 is more than max_tokens = 8"),
        ({"temperature": 0.0}, "temperature must be a finite number above 0"),
        (
            {"end_token": 6},
            r"end_token must be a whole number in 0\.\.5, the model's vocabulary, got 6",
        ),
        ({"end_token": -1}, r"end_token must be a whole number in 0\.\.5"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        rollout(**settings)


def test_sampling_keeps_no_gradient():
    assert not rollout().logprobs.requires_grad


def test_no_response_ends_before_the_minimum_and_the_logprobs_know_it():
    """Scored without the minimum they would be too low, and a KL to the policy itself negative."""
    batch = pad([[1]] * 200, [[0]] * 200)
    drawn = rollout(batch=batch, min_tokens=4)
    mask = drawn.responses.mask
    assert mask.sum(1).min() == 4
    scored = response_logprobs(MODEL, drawn.responses, min_tokens=4, end_token=0)
    assert torch.allclose(drawn.logprobs[mask], scored[mask], atol=1e-10)
    free = response_logprobs(MODEL, drawn.responses)
    assert (free[:, :3] < scored[:, :3]).all()
    assert torch.allclose(free[:, 3:], scored[:, 3:])


@pytest.mark.parametrize(
    "prompts",
    [torch.ones(0, 3).long(), torch.ones(2, 0).long(), torch.ones(3).long(), torch.ones(2, 3)],
)
def test_what_are_no_prompts_is_refused(prompts):
    config.update("jaxtyping_disable", True)  # users have no shape checker
    with pytest.raises(ValueError, match=r"prompts must be token ids, int64, .* got torch"):
        sample(
            MODEL, prompts, torch.ones(prompts.shape, dtype=torch.bool), max_tokens=2, end_token=0,
            generator=torch.Generator(),
        )  # fmt: skip
    config.update("jaxtyping_disable", False)


def test_a_tokenizers_mask_of_whole_numbers_is_refused_before_the_first_token():
    config.update("jaxtyping_disable", True)
    ids = torch.ones(2, 3).long()
    with pytest.raises(ValueError, match=r"true at real tokens: .* got a mask of torch.int64"):
        sample(MODEL, ids, ids, max_tokens=2, end_token=0, generator=torch.Generator())
    config.update("jaxtyping_disable", False)


def test_a_right_padded_prompt_is_refused():
    mask = torch.tensor([[True, True], [True, False]])
    with pytest.raises(ValueError, match="prompts must be padded on the left"):
        sample(
            MODEL, torch.ones(2, 2).long(), mask, max_tokens=2, end_token=0,
            generator=torch.Generator(),
        )  # fmt: skip


def test_logits_of_nan_are_noticed():
    broken = TabularPolicy(4, 2)
    with torch.no_grad():
        broken.table[0, 1] = torch.nan
    with pytest.raises(FloatingPointError, match="the model's logits hold NaN"):
        rollout(broken, batch=pad([[0]], [[0]]), max_tokens=1, end_token=None)


def test_a_large_vocabulary_in_bfloat16_is_sampled_evenly():
    """bfloat16 holds 1,220 of the 50,257 steps of this cumulative sum: few can be drawn."""
    policy = TabularPolicy(50_257, 1).bfloat16()
    batch = pad([[0]] * 400, [[0]] * 400)
    drawn = rollout(policy, batch=batch, max_tokens=1, end_token=None)
    assert len(drawn.responses.tokens.unique()) > 390  # 398 expected of 400
    tokens = drawn.responses.tokens.double()
    deviation = 50_257 / math.sqrt(12 * 400)
    assert abs(tokens.mean().item() - 50_256 / 2) < 4 * deviation
    assert drawn.logprobs.dtype == torch.float32
    assert drawn.logprobs[0].item() == pytest.approx(-math.log(50_257), rel=1e-5)


def test_best_of_n_keeps_the_best_of_each_prompt_and_the_first_of_a_tie():
    responses = pad([[1], [1], [1], [2], [2], [2]], [[0], [1], [2], [3], [4], [5]])
    best = best_of_n(responses, torch.tensor([0.0, 2.0, 2.0, 9.0, -1.0, 3.0]), n=3)
    assert best.tokens.tolist() == [[1], [3]]
    assert best.prompts.tolist() == [[1], [2]]


@pytest.mark.parametrize("n", [2, 4, 16])
def test_best_of_n_stays_within_its_bound_on_the_kl(n):
    """Its exact distribution: P(best has rank ≤ r)= F(r)^n. KL ≤ log n - (n-1)/n (0.193 for 2)."""
    world = exact_world(seed=0)
    count = 10_000
    drawn = rollout(
        world.reference, batch=pad([[0]] * count * n, [[0]] * count * n), max_tokens=3,
        end_token=None,
    ).responses  # fmt: skip
    numbers = (drawn.tokens * torch.tensor([25, 5, 1])).sum(1)
    best = best_of_n(drawn, world.rewards[numbers], n=n)
    frequency = torch.bincount(
        (best.tokens * torch.tensor([25, 5, 1])).sum(1), minlength=125
    ).double() / count  # fmt: skip
    order = world.rewards.argsort()
    below = world.reference_logprobs.exp()[order].cumsum(0)
    exact = torch.empty(125, dtype=torch.float64)
    exact[order] = (below**n).diff(prepend=torch.zeros(1, dtype=torch.float64))
    assert (frequency - exact).abs().sum() / 2 < 0.04
    kl = kl_divergence(exact.log(), world.reference_logprobs).item()
    assert 0.9 * (math.log(n) - (n - 1) / n) < kl < math.log(n) - (n - 1) / n


def test_rewards_that_do_not_fit_groups_of_n_are_refused():
    responses = pad([[1]] * 3, [[0]] * 3)
    with pytest.raises(ValueError, match=r"a multiple of n = 2 rows, got rewards of shape \(3,\)"):
        best_of_n(responses, torch.zeros(3), n=2)
    config.update("jaxtyping_disable", True)  # users have no shape checker
    with pytest.raises(ValueError, match=r"got rewards of shape \(3, 2\) for 3 responses"):
        best_of_n(responses, torch.zeros(3, 2), n=3)
    with pytest.raises(FloatingPointError, match="no best among rewards of NaN"):
        best_of_n(responses, torch.tensor([0.0, torch.nan, 1.0]), n=3)


def test_without_dropout_and_the_model_stays_in_its_mode():
    noisy = trainable_copy(MODEL).train()
    noisy.transformer.drop.p = 0.5
    noisy.transformer.h[0].eval()
    modes = [part.training for part in noisy.modules()]
    found, expected = (rollout(model, seed=3) for model in (noisy, MODEL))
    assert torch.equal(found.logprobs, expected.logprobs)
    assert [part.training for part in noisy.modules()] == modes
