"""bfloat16 inside the models and nowhere else."""

import pytest
import torch
from tiny_runs import tiny_run

from rlhf_lab import precision
from rlhf_lab.logprobs import response_logits, response_logprobs, response_values
from rlhf_lab.models import tiny_gpt2, trainable_copy, value_model
from rlhf_lab.responses import pad
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.sampling import sample

BASE = tiny_gpt2(7, layers=2, width=32, heads=2, context=16, seed=0)
BATCH = pad([[1, 2], [3]], [[1, 2, 3], [4, 5]])


def test_it_is_off_unless_asked_for_and_again_after_an_error():
    exact = response_logprobs(BASE, BATCH)
    with precision.bfloat16():
        assert not torch.equal(response_logprobs(BASE, BATCH), exact)
    with pytest.raises(RuntimeError, match="out of bounds"), precision.bfloat16():
        response_logprobs(BASE, pad([[1]], [[9]]))
    assert torch.equal(response_logprobs(BASE, BATCH), exact)


def test_matrices_are_rounded_to_eight_bits_and_what_comes_out_is_float32():
    exact = response_logits(BASE, BATCH)
    with precision.bfloat16():
        rounded = response_logits(BASE, BATCH)
    assert rounded.dtype == torch.float32
    difference = (rounded - exact).abs().max() / exact.abs().max()
    assert 1e-5 < difference < 2**-5
    with precision.bfloat16():
        hidden = BASE.transformer(BATCH.tokens).last_hidden_state
        with precision.of_matrices(hidden.device):
            assert BASE.lm_head(hidden).dtype == torch.bfloat16


def test_log_probs_values_rewards_and_samples_are_float32():
    generator = torch.Generator().manual_seed(0)
    with precision.bfloat16():
        drawn = sample(
            BASE, BATCH.prompts, BATCH.prompt_mask, max_tokens=3, end_token=0, generator=generator
        )
        found = (
            response_logprobs(BASE, BATCH),
            response_values(value_model(BASE), BATCH),
            response_rewards(reward_model(BASE, seed=0), BATCH),
            drawn.logprobs,
        )
    assert {x.dtype for x in found} == {torch.float32}
    assert all(x.isfinite().all() for x in found)


def test_a_gradient_is_float32_and_a_changed_weight_is_seen_at_once():
    """Autocast keeps rounded weights for as long as it is open: it must not outlast a call."""
    model = trainable_copy(BASE)
    with precision.bfloat16():
        before = response_logprobs(model, BATCH)
        before.sum().backward()
        assert {p.grad.dtype for p in model.parameters()} == {torch.float32}
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
        assert (response_logprobs(model, BATCH) - before).abs().max() > 0.01


@pytest.mark.parametrize("algorithm", ["sft", "reward-model", "dpo", "ppo-ptx", "grpo"])
def test_a_run_in_bfloat16_ends_near_one_in_float32(algorithm):
    ends = []
    for context in (precision.bfloat16, torch.enable_grad):
        run, models = tiny_run(algorithm, dtype=torch.float32, steps=1)
        with context():
            (metrics,) = run
        assert {p.dtype for model in models for p in model.parameters()} == {torch.float32}
        ends.append((metrics, torch.cat([p.flatten() for m in models for p in m.parameters()])))
    (rounded, weights), (exact, expected) = ends
    assert rounded != exact
    assert rounded["loss"] == pytest.approx(exact["loss"], abs=0.02)
    assert (weights - expected).norm() < 0.05 * expected.norm()


def test_other_numbers_than_bfloat16_stay_as_they_are():
    for dtype, expected in (
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        assert precision.at_least_float32(torch.ones(1, dtype=dtype)).dtype == expected


def test_medium_is_set_inside_and_undone_after_an_error():
    before = torch.get_float32_matmul_precision()
    with precision.medium():
        assert torch.get_float32_matmul_precision() == "medium"
    with pytest.raises(ZeroDivisionError), precision.medium():
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == before


def test_highest_is_set_inside_medium_and_undone():
    with precision.medium(), precision.highest():
        assert torch.get_float32_matmul_precision() == "highest"
    with precision.medium():
        with precision.highest():
            pass
        assert torch.get_float32_matmul_precision() == "medium"


@pytest.mark.parametrize(
    ("capability", "at_medium"), [("AVX512", True), ("AVX2", False), ("DEFAULT", False)]
)
def test_onednn_multiplies_at_medium_on_a_cpu_with_avx512(capability, at_medium, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert not precision.is_onednn()
    with precision.medium():
        assert precision.is_onednn() == at_medium


def test_the_error_of_a_product_tells_float32_from_bfloat16():
    cpu = torch.device("cpu")
    assert 1e-8 < precision.matrix_error(cpu) < 1e-5
    with precision.medium():
        assert precision.matrix_error(cpu) < 0.1
    with torch.autocast("cpu", torch.bfloat16):
        assert 1e-3 < precision.matrix_error(cpu) < 0.1
