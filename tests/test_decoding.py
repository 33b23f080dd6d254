"""Whatever reads the tokens, one at a time or with room for all, the logits are the same."""

import copy
from contextlib import nullcontext

import pytest
import shape_checker
import torch

from rlhf_lab import gpt2_token, precision, sampling
from rlhf_lab.decoding import FixedReader, Reader, reader
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad

MODEL = GPT2(tiny_gpt2(11, layers=3, width=16, heads=4, context=48, seed=0).double())
BATCH = pad([[1, 2, 3], [4], [1, 2, 3], [5, 5]], [[0]] * 4)
TOKENS = torch.randint(11, (6, 4), generator=torch.Generator().manual_seed(0))


def logits_of(read):
    return torch.stack([read.logits, *(read.after(token) for token in TOKENS)])


@pytest.mark.parametrize("unused", [0, 11])
@torch.no_grad()
def test_with_room_for_all_tokens_the_logits_are_those_of_a_growing_cache(unused):
    """Prompts of unequal length, two of them equal; the room just suffices, or some is left."""
    growing = Reader(MODEL, BATCH.prompts, BATCH.prompt_mask)
    room = BATCH.prompts.shape[1] + len(TOKENS) + unused
    fixed = FixedReader(MODEL, BATCH.prompts, BATCH.prompt_mask, room=room)
    assert torch.allclose(logits_of(growing), logits_of(fixed), atol=1e-12)


@torch.no_grad()
def test_a_step_with_room_allocates_no_place_that_outlives_it():
    """A CUDA graph replays the same addresses: every tensor kept must stay where it is."""
    fixed = FixedReader(MODEL, BATCH.prompts, BATCH.prompt_mask, room=20)

    def places():
        held = [fixed.ids, fixed.positions, fixed.attention, fixed.cache.place]
        return [x.data_ptr() for x in held + [x for pair in fixed.cache.layers for x in pair]]

    before = places()
    logits_of(fixed)
    assert places() == before


def test_a_processor_reads_over_the_models_own_cache():
    read = reader(MODEL, BATCH.prompts, BATCH.prompt_mask, max_tokens=4)
    assert type(read) is Reader


@pytest.mark.parametrize("end_token", [0, None])
@pytest.mark.parametrize("seed", range(3))
def test_looking_rarely_for_the_end_changes_no_response(monkeypatch, seed, end_token):
    def drawn():
        generator = torch.Generator().manual_seed(seed)
        rollout = sampling.sample(
            MODEL, BATCH.prompts, BATCH.prompt_mask, max_tokens=24, end_token=end_token,
            generator=generator,
        )  # fmt: skip
        return rollout, torch.rand(1, generator=generator)

    often, number = drawn()
    monkeypatch.setattr(sampling, "LOOK_EVERY", {"cpu": 16})
    rarely, same_number = drawn()
    assert end_token == 0 or number == same_number
    assert torch.equal(often.responses.tokens, rarely.responses.tokens)
    assert torch.equal(often.responses.mask, rarely.responses.mask)
    assert torch.equal(often.logprobs, rarely.logprobs)


@pytest.mark.parametrize("rounds", [False, True])
@torch.no_grad()
def test_a_compiled_layer_gives_the_same_logits(monkeypatch, rounds):
    """One graph for all layers, without a break, so that a capture holds compiled code alone."""
    made = []
    shape_checker.end()

    def compiled(function, _device):
        made.append(torch.compile(function, backend=counting, fullgraph=True))
        return made[-1]

    def counting(graph, _inputs):
        made.append(graph)
        return graph

    model = copy.deepcopy(MODEL)
    model = model.float() if rounds else model
    model.transformer.h[1].ln_1.requires_grad_(False)
    given = model, BATCH.prompts, BATCH.prompt_mask
    with (
        precision.bfloat16() if rounds else nullcontext(),
        precision.of_matrices(torch.device("cpu")),
    ):
        plain = FixedReader(*given, room=20)
        assert plain.token.blocks is model.transformer.h
        expected = logits_of(plain)
        monkeypatch.setattr(gpt2_token, "compiled", compiled)
        torch.compiler.reset()
        fixed = FixedReader(*given, room=20)
        dtype = torch.bfloat16 if rounds else torch.float64
        assert fixed.token.blocks[0].attn.c_attn.weight.dtype == dtype
        before = [pair.clone() for pair in fixed.cache.layers]
        fixed.token.prepare()
        assert all(map(torch.equal, before, fixed.cache.layers))
        assert len(made) == 2
        assert torch.allclose(logits_of(fixed), expected, atol=0.02 if rounds else 1e-12)
    assert len(made) == 2


def test_a_rounded_layer_has_what_autocast_computes_with_and_the_rest_as_it_was():
    def places(layers):
        return [weight.data_ptr() for weight in layers.parameters()]

    layers = copy.deepcopy(MODEL).float().transformer.h
    assert places(gpt2_token.rounded(layers)) == places(layers)
    with precision.bfloat16(), precision.of_matrices(torch.device("cpu")):
        found = dict(gpt2_token.rounded(layers).named_parameters())
    for name, weight in layers.named_parameters():
        if "ln_" in name:
            assert found[name].data_ptr() == weight.data_ptr()
        else:
            assert torch.equal(found[name], weight.to(torch.bfloat16))
