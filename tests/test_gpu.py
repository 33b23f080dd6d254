"""On a GPU: the same numbers as on a processor, and no wait for the host while sampling."""

import copy
import gc
from contextlib import nullcontext

import pytest
import shape_checker
import torch
from gpu import CUDA, NEEDED

from rlhf_lab import gpt2_base, gpt2_tasks, precision
from rlhf_lab.captured_passes import captured
from rlhf_lab.cuda_graphs import shared_pool
from rlhf_lab.decoding import CapturedReader, FixedReader, KeptReader, Reader, reader
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.gpt2_sampling import Size
from rlhf_lab.gpt2_small import ALGORITHMS
from rlhf_lab.logprobs import response_logits, response_logprobs
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.sampling import sample
from rlhf_lab.train.loop import history

pytestmark = NEEDED
MODEL = GPT2(tiny_gpt2(97, layers=3, width=16, heads=4, context=64, seed=0).double())
BATCH = pad([[1, 2, 3], [4], [1, 2, 3], [5, 5]], [[0]] * 4)
TOKENS = torch.randint(97, (6, 4), generator=torch.Generator().manual_seed(0))


def drawn(device, *, model=MODEL, end_token=0, max_tokens=24):
    """Responses that the same random numbers give on a device."""
    batch = BATCH.to(device)
    generator = torch.Generator().manual_seed(3)
    settings = {"max_tokens": max_tokens, "end_token": end_token, "generator": generator}
    return sample(copy.deepcopy(model).to(device), batch.prompts, batch.prompt_mask, **settings)


@pytest.mark.parametrize("device", [CUDA])
@torch.no_grad()
def test_a_captured_step_gives_the_same_logits(device):
    model, batch = copy.deepcopy(MODEL).to(device), BATCH.to(device)
    given = model, batch.prompts, batch.prompt_mask
    replayed = CapturedReader(FixedReader(*given, room=20), pool=shared_pool(device))
    fixed = FixedReader(*given, room=20)
    assert torch.equal(replayed.logits, fixed.logits)
    for token in TOKENS.to(device):
        assert torch.allclose(replayed.after(token), fixed.after(token), atol=1e-12)


@pytest.mark.parametrize("rounded", [False, True])
@torch.no_grad()
def test_a_kept_rollout_reads_other_prompts_with_the_weights_of_the_moment(rounded):
    """In bfloat16 the weights are rounded anew for each rollout."""
    model = copy.deepcopy(MODEL).to("cuda").to(torch.float32 if rounded else torch.float64)
    cuda, tokens = torch.device("cuda"), TOKENS.cuda()
    others = pad([[9], [8, 7, 6], [5, 4], [3, 2, 1]], [[0]] * 4)
    given = [(x.to("cuda").prompts, x.to("cuda").prompt_mask) for x in (BATCH, others, BATCH)]
    with precision.bfloat16() if rounded else nullcontext():
        with precision.of_matrices(cuda):
            kept = KeptReader(model, *given[0], room=20)
        for prompts in given:
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
            with precision.of_matrices(cuda):
                kept.begin(*prompts)
                fixed = FixedReader(model, *prompts, room=20)
                near = {"atol": 0.02 if rounded else 1e-10}
                assert torch.allclose(kept.logits, fixed.logits, **near)
                for token in tokens:
                    assert torch.allclose(kept.after(token), fixed.after(token), **near)


@pytest.mark.parametrize("end_token", [0, None])
def test_both_devices_sample_the_same_responses(end_token):
    here, there = drawn("cpu", end_token=end_token), drawn("cuda", end_token=end_token)
    assert torch.equal(here.responses.tokens, there.responses.tokens.cpu())
    assert torch.equal(here.responses.mask, there.responses.mask.cpu())
    assert torch.allclose(here.logprobs, there.logprobs.cpu(), atol=1e-10)


def test_a_second_rollout_reads_the_weights_of_the_moment():
    """A graph replays addresses: what an update writes there must count."""
    model, batch = copy.deepcopy(MODEL).to("cuda"), BATCH.to("cuda")
    for _ in range(2):
        generator = torch.Generator().manual_seed(0)
        rollout = sample(
            model, batch.prompts, batch.prompt_mask, max_tokens=12, end_token=None,
            generator=generator,
        )  # fmt: skip
        scored = response_logprobs(model, rollout.responses)
        assert torch.allclose(rollout.logprobs, scored, atol=1e-10)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn_like(weight))


def test_in_bfloat16_a_rollout_has_nearly_the_log_probs_that_it_is_scored_with():
    model = copy.deepcopy(MODEL).float().to("cuda")
    with precision.bfloat16():
        rollout = drawn("cuda", model=model, end_token=None)
        scored = response_logprobs(model, rollout.responses)
    assert rollout.logprobs.dtype == torch.float32
    assert torch.allclose(rollout.logprobs, scored, atol=0.02)
    exact = response_logprobs(model, rollout.responses)
    assert torch.allclose(rollout.logprobs, exact, atol=0.05)


@torch.no_grad()
def test_in_float32_the_kernels_of_a_gpu_give_the_same_log_probs():
    model, batch = copy.deepcopy(MODEL).float(), pad([[1, 2, 3], [4]], [[5, 6], [7, 8, 9, 10]])
    here = response_logprobs(model, batch)[batch.mask]
    there = response_logprobs(model.to("cuda"), batch.to("cuda")).cpu()[batch.mask]
    assert torch.allclose(here, there, atol=1e-5)


@torch.no_grad()
def test_one_token_needs_no_graph():
    batch, model = BATCH.to("cuda"), copy.deepcopy(MODEL).to("cuda")
    given = model, batch.prompts, batch.prompt_mask
    assert type(reader(*given, max_tokens=1)) is Reader
    assert type(reader(*given, max_tokens=2)) is CapturedReader


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@torch.no_grad()
def test_no_token_waits_for_the_host():
    batch, model = BATCH.to("cuda"), copy.deepcopy(MODEL).to("cuda")
    read, tokens = reader(model, batch.prompts, batch.prompt_mask, max_tokens=10), TOKENS.cuda()
    read.after(tokens[0])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for token in tokens[1:]:
            read.after(token)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def logprobs(model, batch):
    return response_logprobs(model, batch)[batch.mask].sum()


def gradients(model):
    return [weight.grad.clone() for weight in model.parameters()]


def test_captured_passes_give_the_same_gradients_whatever_follows_what():
    """Slices that add up; two passes before either's gradients; new weights; other shapes."""
    model = copy.deepcopy(MODEL).to("cuda")
    one, other = (
        pad([[1, 2], [3, 4]], tokens).to("cuda")
        for tokens in ([[5, 6, 7], [8, 9]], [[9, 9, 9], [6, 5]])
    )
    short = pad([[1], [2]], [[3], [4]]).to("cuda")

    def found():
        for batch in (one, one, other, short, other, one):  # captured at the second
            logprobs(model, batch).backward()
        yield gradients(model)
        model.zero_grad()
        for _ in range(2):
            logprobs(model, one).backward()
        yield gradients(model)
        model.zero_grad(set_to_none=False)
        (logprobs(model, other) - 2 * logprobs(model, one)).backward()
        yield gradients(model)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1.01)
            yield [logprobs(model, batch) for batch in (one, other, one)]
        model.zero_grad()
        loss = logprobs(model, other)
        loss.backward()
        yield [loss.detach(), *gradients(model)]
        model.zero_grad()
        with torch.no_grad():
            for weight in model.parameters():
                weight.div_(1.01)

    plain = list(found())
    with captured():
        replayed = list(found())
        logprobs(model, one)
        left = response_logits(model, one).sum()
        left.backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="can be taken once"):
            left.backward()
    for expected, got in zip(plain, replayed, strict=True):
        assert all(torch.allclose(*pair, atol=1e-9) for pair in zip(expected, got, strict=True))


def test_in_bfloat16_a_captured_pass_rounds_the_weights_of_the_moment():
    model, batch = copy.deepcopy(MODEL).float().to("cuda"), pad([[1, 2]], [[5, 6, 7]]).to("cuda")
    losses = []
    for replayed in (False, True):
        model.load_state_dict(MODEL.state_dict())
        with precision.bfloat16(), captured() if replayed else nullcontext():
            for _ in range(4):
                model.zero_grad()
                losses.append(logprobs(model, batch))
                losses[-1].backward()
                with torch.no_grad():
                    for weight in model.parameters():
                        weight.add_(0.01 * weight.grad)
    plain, replayed = torch.stack(losses).detach().chunk(2)
    assert torch.allclose(plain, replayed, atol=0.01)
    assert (plain.diff() > 0.05).all()


def test_what_was_captured_goes_with_the_context_and_with_the_model():
    def held():
        gc.collect()
        torch.cuda.empty_cache()
        return torch.cuda.memory_reserved()

    def trained():
        model = copy.deepcopy(MODEL).to("cuda")
        for _ in range(3):
            logprobs(model, batch).backward()
        return model

    batch = pad([[1] * 20] * 180, [[2] * 20] * 180).to("cuda")
    with captured():
        trained()  # libraries take what they keep
    before = held()
    with captured():
        model = trained()
        most = held()
        assert most > before + 2e7
        del model
        assert held() < (before + most) / 2
        model = trained()
        assert held() > (before + most) / 2
    assert held() < (before + most) / 2  # though the model is still there
    del model


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_steps_give_the_numbers_of_the_processor(algorithm, replayed, monkeypatch):
    tiny = tiny_gpt2(gpt2_base.VOCABULARY, layers=2, width=16, heads=2, context=64, seed=0)
    monkeypatch.setattr(gpt2_tasks, "PROMPTS", 16)
    size = Size(steps=4, batch_size=8, micro_batch_size=4, pairs=8, group_size=4)

    def metrics(device):
        model = GPT2(copy.deepcopy(tiny).double()).to(device)
        monkeypatch.setattr(gpt2_tasks, "base_model", lambda *_, **__: model)
        made = gpt2_tasks.sums_task if algorithm == "grpo-process" else gpt2_tasks.reviews_task
        training = ALGORITHMS[algorithm](made(torch.device(device), base_steps=0), size, None)
        found = history(training.run)
        assert training.samples()
        return found

    with captured() if replayed else nullcontext():
        here, there = metrics("cpu"), metrics("cuda")
    assert here.keys() == there.keys()
    for name, values in here.items():
        assert there[name] == pytest.approx(values, rel=1e-6, abs=1e-8, nan_ok=True), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in torch's own compiler
@pytest.mark.parametrize("rounded", [False, True])
def test_compiled_sampling_draws_the_same_responses_with_the_weights_of_the_moment(rounded):
    """A first rollout compiles, a second is captured whole, and later ones replay it."""
    shape_checker.end()
    model = copy.deepcopy(MODEL).to("cuda").to(torch.float32 if rounded else torch.float64)
    batch = BATCH.to("cuda")
    with precision.bfloat16() if rounded else nullcontext(), captured(compiled=True):
        for _ in range(4):
            rollout = sample(
                model, batch.prompts, batch.prompt_mask, max_tokens=24, end_token=None,
                generator=torch.Generator().manual_seed(3),
            )  # fmt: skip
            with torch.no_grad():
                scored = response_logprobs(copy.deepcopy(model), rollout.responses)
            assert torch.allclose(rollout.logprobs, scored, atol=0.05 if rounded else 1e-10)
            if not rounded:
                with captured():  # drawn from a copy, which nothing is kept of
                    plain = drawn("cuda", model=model, end_token=None)
                assert torch.equal(rollout.responses.tokens, plain.responses.tokens)
            with torch.no_grad():
                for weight in model.parameters():
                    weight.add_(0.1 * torch.randn_like(weight))
