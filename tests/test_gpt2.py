"""The package's own GPT-2 is transformers', number for number, whatever it saves."""

import pytest
import tiny_runs
import torch
from tiny_runs import ALGORITHMS, tiny_run
from transformers import GPT2Config, GPT2LMHeadModel

from rlhf_lab import gpt2, gpt2_attention, gpt2_layers, precision
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.gpt2_attention import attention_bias
from rlhf_lab.key_value_cache import GrowingCache, JoinedCache, distinct_rows
from rlhf_lab.logprobs import response_logprobs, response_values
from rlhf_lab.models import ScalarModel, frozen_copy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import Preferences, pad
from rlhf_lab.rewards.networks import response_rewards, reward_model, token_level_rewards
from rlhf_lab.sampling import sample
from rlhf_lab.train.dpo import pair_logprobs

PROMPTS = [[1, 2, 3], [4], [1, 2, 3], [4], [1, 2, 3], [2, 4]]
BATCH = pad(PROMPTS, [[5, 6], [7, 8, 9, 10], [3], [4, 4], [5, 5, 5], [6]], pad_token=7)


def sharp(seed=0):
    """transformers' GPT-2 with weights so large that every path through it matters."""
    model = tiny_gpt2(11, layers=3, width=16, heads=4, context=48, seed=seed).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
    return model


THEIRS = sharp()
OURS = GPT2(THEIRS)


class Linear(torch.nn.Module):
    """A layer with an adapter as peft makes it: `weight` is that of the layer within."""

    def __init__(self, layer):
        super().__init__()
        self.base_layer, self.weight, self.bias = layer, layer.weight, layer.bias


def test_a_head_with_a_bias_and_a_hook_are_refused_since_neither_would_count():
    model = sharp()
    hook = model.transformer.h[0].mlp.c_fc.register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match=r"so a hook at 0\.mlp\.c_fc would never run"):
        GPT2(model)
    hook.remove()
    GPT2(model)
    model.lm_head.bias = torch.nn.Parameter(torch.zeros(model.config.vocab_size))
    with pytest.raises(ValueError, match="head has no bias, got one"):
        GPT2(model)


@pytest.mark.parametrize("place", ["transformer.h.1.mlp.c_fc", "lm_head"])
def test_a_layer_whose_weights_are_not_all_that_it_computes_is_refused(place):
    model = sharp()
    parent, _, name = place.rpartition(".")
    owner = model.get_submodule(parent)
    setattr(owner, name, Linear(getattr(owner, name)))
    with pytest.raises(ValueError, match=r"got \w+\.Linear at (1\.mlp\.c_fc|its head)"):
        GPT2(model)
    setattr(owner, name, getattr(owner, name).base_layer)
    GPT2(model)
    torch.nn.utils.parametrizations.weight_norm(getattr(owner, name))
    with pytest.raises(ValueError, match=r"got \w+\.Parametrized\w+ at"):
        GPT2(model)


def gradients(scalar, model):
    return torch.autograd.grad(scalar, list(model.parameters()))


def test_logprobs_and_their_gradients_are_transformers():
    """Prompts of unequal length, some shared by several responses."""
    theirs, ours = (response_logprobs(model, BATCH)[BATCH.mask] for model in (THEIRS, OURS))
    assert torch.allclose(ours, theirs, atol=1e-12)
    weights = torch.randn(len(ours), dtype=torch.float64, generator=torch.Generator())
    pairs = zip(gradients(weights @ ours, OURS), gradients(weights @ theirs, THEIRS), strict=True)
    assert all(torch.allclose(one, other, atol=1e-11) for one, other in pairs)


@pytest.mark.parametrize("end_token", [0, None])
def test_it_samples_the_same_texts(end_token):
    """40 tokens: the cache grows twice."""
    drawn = [
        sample(
            model, BATCH.prompts, BATCH.prompt_mask, max_tokens=40, end_token=end_token,
            generator=torch.Generator().manual_seed(1),
        )
        for model in (THEIRS, OURS)
    ]  # fmt: skip
    assert torch.equal(drawn[0].responses.tokens, drawn[1].responses.tokens)
    assert torch.allclose(drawn[0].logprobs, drawn[1].logprobs, atol=1e-12)


def test_gelu_new_is_the_same_function():
    config = GPT2Config(vocab_size=11, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    assert config.activation_function == "gelu_new"
    theirs = GPT2LMHeadModel(config).double().eval()
    found = [response_logprobs(model, BATCH)[BATCH.mask] for model in (theirs, GPT2(theirs))]
    assert torch.allclose(*found, atol=1e-12)


@pytest.mark.parametrize("shared", [True, False])
def test_values_and_rewards_are_those_over_transformers_trunk(shared, monkeypatch):
    """Whether or not the rows' prompts are read once for all."""
    monkeypatch.setattr(gpt2, "SHARED_FROM", {"cpu": 0 if shared else 1000})
    for made in (ScalarModel, lambda model: reward_model(model, seed=3)):
        theirs, ours = made(THEIRS), made(OURS)
        with torch.no_grad():
            for model in (theirs, ours):
                model.head.weight.copy_(torch.linspace(-1, 1, 16))
        for numbers in (response_values, token_level_rewards):
            found = [numbers(model, BATCH)[BATCH.mask] for model in (theirs, ours)]
            assert torch.allclose(*found, atol=1e-12)
        found = [response_rewards(model, BATCH) for model in (theirs, ours)]
        assert torch.allclose(*found, atol=1e-12)
        weights = torch.linspace(-1, 1, len(BATCH), dtype=torch.float64)
        found = [
            gradients(weights @ rewards, model)
            for rewards, model in zip(found, (theirs, ours), strict=True)
        ]
        assert all(torch.allclose(*pair, atol=1e-11) for pair in zip(*found, strict=True))


def test_a_shared_prompt_is_read_once(monkeypatch):
    """Six rows with three different prompts: all but their last column counts three times."""
    read = GPT2.base_model.fget(OURS).read
    tokens = []

    def counted(ids, *rest, **options):
        tokens.append(ids.numel())
        return read(ids, *rest, **options)

    monkeypatch.setattr(OURS.transformer, "read", counted)
    response_logprobs(OURS, BATCH)
    width, length = BATCH.prompts.shape[1], BATCH.tokens.shape[1]
    assert tokens == [3 * (width - 1), 6 * length]


def test_of_a_shared_prompt_the_last_layer_computes_keys_and_values_only(monkeypatch):
    rows = []
    forward = gpt2_attention.attention
    monkeypatch.setattr(
        gpt2_attention, "attention", lambda *a: rows.append(len(a[0])) or forward(*a)
    )
    response_logprobs(OURS, BATCH)
    heads, layers = OURS.config.n_head, OURS.config.n_layer
    assert rows == [3 * heads] * (layers - 1) + [6 * heads] * layers


@pytest.mark.parametrize("shared", [True, False])
def test_the_last_layer_computes_what_is_asked_for_only(shared, monkeypatch):
    """The columns of the response; and for a reward that of each one's last token."""
    monkeypatch.setattr(gpt2, "SHARED_FROM", {"cpu": 0 if shared else 1000})
    columns, forward = [], gpt2_attention.attention
    monkeypatch.setattr(
        gpt2_attention, "attention", lambda *a: columns.append(a[0].shape[1]) or forward(*a)
    )
    width, length, before = BATCH.prompts.shape[1], BATCH.tokens.shape[1], THEIRS.config.n_layer - 1
    for judged, kept, prompt in (
        (lambda: response_logprobs(OURS, BATCH), length, width - 1),
        (lambda: response_rewards(reward_model(OURS, seed=3), BATCH), 1, width),
    ):
        columns.clear()
        judged()
        read = [prompt] * before + [length] * before if shared else [prompt + length] * before
        assert columns == [*read, kept]


@pytest.mark.parametrize("use_cache", [True, False])
@torch.no_grad()
def test_what_follows_a_cache_sees_what_the_cache_holds(use_cache):
    ids, mask = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), torch.ones(2, 4, dtype=torch.bool)
    places = torch.arange(4).expand(2, 4)
    whole = OURS(input_ids=ids, attention_mask=mask, position_ids=places).logits
    first = OURS(
        input_ids=ids[:, :3], attention_mask=mask[:, :3], position_ids=places[:, :3], use_cache=True
    )
    last = OURS(
        input_ids=ids[:, 3:], attention_mask=mask, position_ids=places[:, 3:],
        past_key_values=first.past_key_values, use_cache=use_cache,
    )  # fmt: skip
    assert torch.allclose(last.logits, whole[:, 3:], atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bias_has_the_dtype_that_products_have(dtype):
    weight = torch.ones(2, 2, dtype=dtype)
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            assert gpt2_layers.computed_in(weight) == (weight @ weight).dtype


@pytest.mark.parametrize("use_cache", [True, False])
def test_of_each_row_the_column_that_is_named(use_cache):
    ids, mask = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), torch.ones(2, 4, dtype=torch.bool)
    places = torch.arange(4).expand(2, 4)
    settings = {"keep": 3, "use_cache": use_cache}
    whole = OURS.transformer(ids, mask, places, **settings).last_hidden_state
    named = OURS.transformer(ids, mask, places, only=torch.tensor([2, 0]), **settings)
    found = named.last_hidden_state[:, 0]
    assert torch.allclose(found, torch.stack([whole[0, -1], whole[1, -3]]), atol=1e-12)


def test_weights_first_or_rows_first_is_the_same(monkeypatch):
    """What is done for thin batches of large models, here on a small one; gradients included."""
    found = []
    for rows in (range(0), range(1000)):
        monkeypatch.setattr(gpt2_layers, "THIN", rows)
        monkeypatch.setattr(gpt2_layers, "LARGE", 0)
        logprobs = response_logprobs(OURS, BATCH)
        drawn = sample(
            OURS, BATCH.prompts, BATCH.prompt_mask, max_tokens=6, end_token=None,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        found.append((logprobs, drawn.logprobs, *gradients(logprobs.sum(), OURS)))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_weights_come_first_for_thin_batches_of_large_models_only(monkeypatch):
    large, small = torch.empty(512, 512), torch.empty(128, 512)
    thin = [rows for rows in range(200) if gpt2_layers.is_thin(torch.empty(rows, 512), large)]
    assert thin == [*gpt2_layers.THIN]
    assert not gpt2_layers.is_thin(torch.empty(32, 128), small)
    assert not gpt2_layers.is_thin(torch.empty(32, 512, device="meta"), large)
    with precision.bfloat16():  # autocast would round a view of the weights for each token
        assert not gpt2_layers.is_thin(torch.empty(32, 512), large)
    monkeypatch.setattr(precision, "is_onednn", lambda: True)
    assert not gpt2_layers.is_thin(torch.empty(32, 512), large)


def test_a_token_attends_in_float32_since_another_kernel_would_copy_the_cache(monkeypatch):
    """Everything else of the step, and each product of a longer pass, as was asked for."""
    used, product = [], torch.baddbmm

    def watched(bias, query, keys, **named):
        used.append((query.shape[1], torch.get_float32_matmul_precision()))
        return product(bias, query, keys, **named)

    monkeypatch.setattr(torch, "baddbmm", watched)
    with precision.medium():
        sample(
            OURS, BATCH.prompts, BATCH.prompt_mask, max_tokens=2, end_token=None,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        response_logprobs(OURS, BATCH)
        assert torch.get_float32_matmul_precision() == "medium"
    assert {(length > 1, name) for length, name in used} == {(False, "highest"), (True, "medium")}


def test_chosen_and_rejected_in_one_pass_are_those_in_two():
    others = [[1], [2], [3, 3, 3], [4], [5, 5, 5, 5, 5], [6, 7]]
    pairs = Preferences(BATCH, pad(PROMPTS, others, pad_token=7))
    for one, other in zip(pair_logprobs(OURS, pairs), pair_logprobs(THEIRS, pairs), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_trains_it_as_it_trains_transformers(algorithm, monkeypatch):
    ends = []
    for made in (lambda model: model, GPT2):
        monkeypatch.setattr(
            tiny_runs, "tiny_gpt2", lambda *a, made=made, **b: made(tiny_gpt2(*a, **b))
        )
        run, models = tiny_run(algorithm)
        ends.append((list(run), [p for model in models for p in model.parameters()]))
    for theirs, ours in zip(ends[0][0], ends[1][0], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9)
    for theirs, ours in zip(ends[0][1], ends[1][1], strict=True):
        assert torch.allclose(theirs, ours, atol=1e-9)


def test_names_and_weights_are_shared_with_the_model_it_is_made_of():
    assert list(OURS.state_dict()) == list(THEIRS.state_dict())
    pairs = zip(OURS.parameters(), THEIRS.parameters(), strict=True)
    assert all(one is other for one, other in pairs)
    assert not any(p.requires_grad for p in frozen_copy(OURS).parameters())
    copied = trainable_copy(OURS)
    assert copied.lm_head.weight is copied.transformer.wte.weight


def test_a_gpt2_of_another_kind_is_refused():
    config = GPT2Config(
        vocab_size=5, n_positions=8, n_embd=8, n_layer=1, n_head=2, activation_function="relu"
    )
    with pytest.raises(ValueError, match=r"activation_function in .* got 'relu'; keep"):
        GPT2(GPT2LMHeadModel(config))


def test_no_token_looks_at_a_pad_or_at_a_later_token():
    mask = torch.tensor([[False, True, True, True], [True, True, True, False]])
    seen = attention_bias(mask, 2, torch.float64) == 0
    assert seen.tolist() == [
        [[False, True, True, False], [False, True, True, True]],
        [[True, True, True, False], [True, True, True, False]],
    ]


def test_few_shared_columns_are_not_worth_a_second_pass_on_a_gpu(monkeypatch):
    shared = response_logprobs(OURS, BATCH)
    monkeypatch.setattr(gpt2, "SHARED_FROM", {"cpu": BATCH.prompts.numel() + 1})
    monkeypatch.setattr(gpt2, "distinct_rows", None)  # not asked
    assert torch.allclose(response_logprobs(OURS, BATCH), shared, atol=1e-12)


def test_rows_that_differ_only_in_their_pads_are_one():
    ids = torch.tensor([[9, 1], [3, 1], [3, 1], [2, 2]])
    mask = torch.tensor([[False, True], [False, True], [True, True], [True, True]])
    first, row_of = distinct_rows(ids, mask)
    assert len(first) == 3
    assert row_of[0] == row_of[1]
    assert (torch.where(mask, ids, -1)[first][row_of] == torch.where(mask, ids, -1)).all()
    assert distinct_rows(ids[1:], mask[1:]) is None


def test_both_caches_hold_the_same():
    joined, growing = JoinedCache(1), GrowingCache(1)
    generator = torch.Generator().manual_seed(0)
    for length in (3, 1, 1, 40, 1, 30):
        parts = torch.randn(3, 4, length, 2, generator=generator)
        found = joined.extended(0, parts), growing.extended(0, parts)
        assert all(map(torch.equal, *found))
    rows = torch.tensor([1, 1, 0])
    keys, _ = joined.of_rows(rows, heads=2).layers[0]
    assert torch.equal(keys.unflatten(0, (3, 2)), joined.layers[0][0].unflatten(0, (2, 2))[rows])


def test_in_bfloat16_a_model_in_float64_stays_as_it_is():
    """Autocast leaves float64 alone."""
    with precision.bfloat16():
        found = response_logprobs(OURS, BATCH)
    assert torch.equal(found, response_logprobs(OURS, BATCH))


def test_in_bfloat16_it_stays_near_and_no_pad_spreads():
    """A pad sees nothing: its scores, rounded to eight bits, must not become a softmax of -∞."""
    ours = GPT2(tiny_gpt2(11, layers=2, width=16, heads=2, context=48, seed=0))
    exact = response_logprobs(ours, BATCH)
    with precision.bfloat16():
        rounded = response_logprobs(ours, BATCH)
        drawn = sample(
            ours, BATCH.prompts, BATCH.prompt_mask, max_tokens=40, end_token=None,
            generator=torch.Generator().manual_seed(1),
        )  # fmt: skip
    assert rounded.dtype == drawn.logprobs.dtype == torch.float32
    assert drawn.logprobs.isfinite().all()
    assert 1e-6 < (rounded - exact)[BATCH.mask].abs().max() < 0.05
