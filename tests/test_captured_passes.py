"""When a pass is captured and when it is not. The graphs themselves are tested on a GPU."""

import gc
from contextlib import nullcontext
from types import SimpleNamespace
from weakref import ref

import pytest
import torch
from torch.torch_version import TorchVersion

from rlhf_lab import captured_passes, cuda_graphs, decoding, gpt2, gpt2_token, recorded_passes
from rlhf_lab.captured_passes import Keeper, captured
from rlhf_lab.decoding import CapturedReader, FixedReader, KeptReader
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.gpt2_token import layer_of_token
from rlhf_lab.logprobs import response_logits, response_logprobs
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad

BATCH = pad([[1, 2, 3], [4], [1, 2, 3]], [[5, 6], [7, 8, 9, 10], [3]])
POOL = (0, 0)


def tiny():
    return GPT2(tiny_gpt2(11, layers=2, width=16, heads=2, context=48, seed=0).double())


@pytest.fixture
def model():
    return tiny()


@pytest.fixture
def graphs(monkeypatch):
    """Work runs once, when it is recorded, and a replay leaves its numbers as they are."""
    made = []

    def capture(work, _device, *, pool=None):
        graph = SimpleNamespace(replays=0, pool=lambda: POOL, found=None)
        graph.replay = lambda: setattr(graph, "replays", graph.replays + 1)
        made.append(graph)
        return graph, work()

    def kept_for(model, kind, work, make):
        keeper = captured_passes._KEPT.setdefault(model, Keeper())
        return keeper.of(kind, captured_passes._key(model, *work), make)

    for module in (recorded_passes, decoding):
        monkeypatch.setattr(module, "capture", capture)
    monkeypatch.setattr(captured_passes, "kept_for", kept_for)
    yield made
    captured_passes._KEPT.clear()


def total(model, batch=BATCH):
    return response_logprobs(model, batch)[batch.mask].sum()


def test_work_is_kept_from_its_second_time_in_a_row():
    made = []

    def of(key, kind="forward"):
        return keeper.of(kind, key, lambda: made.append(key) or f"{key} {len(made)}")

    keeper = Keeper()
    assert [of("a"), of("b"), of("a"), of("b")] == [None] * 4
    assert [of("b"), of("b"), of("a"), of("b")] == ["b 1", "b 1", None, "b 1"]
    assert [of("a"), of("a"), of("a"), of("b"), of("b")] == [None, "a 2", "a 2", None, "b 3"]
    assert of("b", kind="back") is None
    assert made == ["b", "a", "b"]


def test_memory_is_free_before_the_next_is_made():
    keeper, alive = Keeper(), set()

    class Held:
        def __init__(self):
            assert not alive
            alive.add(id(self))

        def __del__(self):
            alive.discard(id(self))

    for key in "aabbaa":
        keeper.of("forward", key, Held)
    assert len(alive) == 1


def test_on_a_processor_nothing_is_captured(model):
    with captured():
        found = [total(model) for _ in range(3)]
    assert len({x.item() for x in found}) == 1
    assert not captured_passes._KEPT


def test_a_recorded_pass_gives_the_numbers_and_knows_its_gradients(model, graphs):
    """Of one pass forward and one back, from the second time on."""
    expected = total(model)
    for time in range(3):
        found = total(model)
        assert torch.equal(found, expected)
        found.backward()
        assert [graph.replays for graph in graphs] == [time + 1] * 2
    assert all(weight.grad.shape == weight.shape for weight in model.parameters())


@pytest.mark.parametrize("shared", [True, False])
def test_columns_that_rows_share_are_recorded_as_such(model, graphs, shared, monkeypatch):
    monkeypatch.setattr(gpt2, "SHARED_FROM", {"cpu": 0 if shared else 1000})
    expected = total(model)
    assert torch.equal(total(model), expected)
    (recorded,) = (made for _, made in captured_passes._KEPT[model.transformer].made.values())
    assert [x is not None for x in recorded.given] == [True] * 3 + [False] + [shared] * 2


def test_a_pass_runs_as_usual_while_gradients_of_the_recorded_one_are_to_come(model, graphs):
    first, second, third = (total(model) for _ in range(3))
    assert [graph.replays for graph in graphs] == [1, 0]
    second.backward()  # those of the only pass that was replayed
    assert [graph.replays for graph in graphs] == [1, 1]
    (first + third).backward()
    assert [graph.replays for graph in graphs] == [1, 1]
    fourth = total(model)
    del fourth  # nobody will ask
    gc.collect()
    total(model)
    assert [graph.replays for graph in graphs] == [3, 1]


def test_gradients_of_a_recorded_pass_can_be_taken_once(model, graphs):
    total(model)
    found = response_logits(model, BATCH).sum()
    found.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"can be taken once; leave captured\(\)"):
        found.backward()


def test_other_shapes_weights_precision_or_gradients_are_other_work(model, graphs):
    short = pad([[1], [2], [3]], [[5], [6], [7]])
    for _ in range(2):
        total(model)
    assert len(graphs) == 2  # forward and back
    total(model, short)
    with torch.no_grad():
        total(model)
    model.transformer.ln_f.weight.requires_grad_(False)
    total(model)
    model.transformer.ln_f.weight = torch.nn.Parameter(model.transformer.ln_f.weight.clone())
    total(model)
    model.transformer.ln_f.weight.data = model.transformer.ln_f.weight.data.clone()  # as by .to
    total(model)
    torch.set_float32_matmul_precision("medium")
    try:
        total(model)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert len(graphs) == 2
    assert graphs[0].replays == 1


def test_work_is_other_work_by_shapes_alone_and_by_numbers_alone(model):
    rows, columns = torch.zeros(2, 3), torch.zeros(3, 2)
    works = [((rows,), (1,)), ((columns,), (1,)), ((rows,), (2,)), ((rows, None), (1,))]
    works.append(((rows.double(),), (1,)))
    assert len({captured_passes._key(model, *work) for work in works}) == len(works)
    assert captured_passes._key(model, (rows + 1,), (1,)) == captured_passes._key(model, *works[0])


def recorded_of(model, kind):
    return captured_passes._KEPT[model.transformer].made[kind][1]


def test_what_is_given_comes_to_the_place_where_the_graph_reads(model, graphs):
    """Other tokens of the same shape, and other gradients of the output."""
    other = pad([[4, 5, 6], [7], [4, 5, 6]], [[2, 3], [4, 5, 6, 7], [8]])
    gradients = []
    for batch, factor in ((BATCH, 1), (BATCH, 1), (BATCH, 2)):
        (factor * total(model, batch)).backward()
    for factor in (1, 2):
        (factor * total(model, other)).backward()
        gradients.append(recorded_of(model, "forward and back").gradient.clone())
    ids = recorded_of(model, "forward and back").given[0]
    assert torch.equal(ids, torch.cat([other.prompts, other.tokens], dim=1)[:, :-1])
    assert gradients[0].abs().sum() > 0
    assert torch.allclose(gradients[1], 2 * gradients[0])


def test_what_comes_is_not_where_the_next_pass_writes(model, graphs):
    for _ in range(2):
        total(model).backward()
        with torch.no_grad():
            total(model)
    for kind in ("forward and back", "forward"):
        recorded = recorded_of(model, kind)
        assert recorded(*recorded.given).data_ptr() != recorded.output.data_ptr()


def test_new_parameters_on_the_same_memory_are_other_weights(model, graphs):
    """Else their gradients would go to the old ones."""
    for _ in range(2):
        total(model).backward()
    model.load_state_dict(model.state_dict(), assign=True)
    total(model).backward()
    assert graphs[0].replays == 1
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_pass_captured_in_inference_mode_is_not_replayed_outside(model, graphs):
    with torch.inference_mode():
        found = [total(model) for _ in range(3)]
    with torch.no_grad():
        assert torch.equal(total(model), found[0])
    assert [graph.replays for graph in graphs] == [2]


def test_autocast_is_part_of_the_work(model):
    given = ((BATCH.tokens,), ())
    plain = captured_passes._key(model, *given)
    torch.set_autocast_enabled("cuda", True)
    try:
        rounded = captured_passes._key(model, *given)
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert plain == captured_passes._key(model, *given) != rounded


@pytest.mark.parametrize("tries", [1, 2])
def test_what_finds_no_memory_runs_as_usual(tries):
    """After one more try, when what is unused has been given back; it is not asked again."""
    asked = []

    def make():
        asked.append(1)
        if len(asked) <= tries:
            raise torch.OutOfMemoryError
        return "made"

    keeper = Keeper()
    found = [keeper.of("forward", "a", make) for _ in range(4)]
    assert found == [None] + [None if tries == 2 else "made"] * 3
    assert len(asked) == 2


def test_a_capture_that_fails_says_why(monkeypatch):
    class Graph:
        def capture_begin(self, **_):
            pass

        def capture_end(self):
            raise RuntimeError("the capture is invalid")

    class Stream:
        def wait_stream(self, _other):
            pass

    def fails():
        raise torch.OutOfMemoryError("too large")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: Stream())
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    monkeypatch.setattr(cuda_graphs, "captures", lambda _: (Stream(), Graph()))
    with pytest.raises(torch.OutOfMemoryError, match="too large"):
        cuda_graphs.capture(fails, torch.device("cuda"))
    with pytest.raises(RuntimeError, match="invalid"):
        cuda_graphs.capture(lambda: 1, torch.device("cuda"))


def test_only_the_outermost_context_gives_back(model, graphs):
    """Also where something is raised."""

    def fails():
        with captured():
            with captured():
                total(model)
            assert len(captured_passes._KEPT) == 1
            raise KeyError("an error of the loop")

    with pytest.raises(KeyError, match="of the loop"):
        fails()
    assert not captured_passes._KEPT


def test_a_captured_model_can_die(graphs):
    model = tiny()
    for _ in range(3):
        total(model).backward()
        with torch.no_grad():
            total(model)
    watched = ref(model)
    del model
    gc.collect()
    assert watched() is None
    assert not captured_passes._KEPT


def test_gradients_of_a_slice_are_moved_away_before_they_are_overwritten(model, graphs):
    """Autograd may keep the place itself as the gradient; the next slice is added to a copy."""
    total(model)
    for number in range(2):
        found = total(model)
        kept = captured_passes._KEPT[model.transformer].made["forward and back"][1]
        for place in kept.gradients:  # as a replay, forward or back, may
            place.fill_(number + 1)
        found.backward()
    inner = [weight for weight in kept.learning if weight is not model.lm_head.weight]
    assert all((weight.grad == 3).all() for weight in inner)


@torch.no_grad()
def test_both_captured_readers_follow_the_fixed_one(model, graphs):
    given, token = (model, BATCH.prompts, BATCH.prompt_mask), torch.tensor([1, 2, 3])
    fixed = FixedReader(*given, room=10)
    first, then = fixed.logits, fixed.after(token)
    stepwise = CapturedReader(FixedReader(*given, room=10), pool=POOL)
    kept = KeptReader(*given, room=10).begin(BATCH.prompts, BATCH.prompt_mask)
    for read in (stepwise, kept):
        assert torch.equal(read.logits, first)
        assert read.after(token).shape == then.shape
        assert torch.equal(read.ids, token[:, None])
    held, found = ref(fixed.cache.layers[0]), CapturedReader(fixed, pool=POOL)
    del fixed
    gc.collect()
    assert held() is not None  # the graph works on it
    del found
    graphs.clear()
    gc.collect()
    assert held() is None
    others = BATCH.prompts.roll(1, 0), BATCH.prompt_mask.roll(1, 0)
    kept.begin(*others)
    assert torch.equal(kept.prompts, others[0])
    assert torch.equal(kept.mask, others[1])


def test_a_function_is_compiled_once_where_it_was_asked_for_and_only_on_a_gpu(monkeypatch):
    made = []
    monkeypatch.setattr(torch, "compile", lambda function: made.append(function) or print)
    here, there = torch.device("cpu"), torch.device("cuda")
    assert captured_passes.compiled(total, there) is total
    with captured():
        assert captured_passes.compiled(total, there) is total
        with captured(compiled=True):
            assert captured_passes.compiled(total, here) is total
            assert captured_passes.compiled(total, there) is print
        assert captured_passes.compiled(total, there) is total
    assert made == [total]


def test_an_old_torch_that_compiles_each_layer_is_refused(monkeypatch):
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.4.1+cu121"))
    with pytest.raises(RuntimeError, match="or newer, got 2"), captured(compiled=True):
        raise AssertionError("not refused")
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.5.0"))
    with captured(compiled=True):
        pass


@torch.no_grad()
def test_a_layer_is_compiled_before_its_step_is_captured(model, graphs, monkeypatch):
    seen = []

    def layer(*given):
        seen.append(len(graphs))
        return layer_of_token(*given)

    monkeypatch.setattr(gpt2_token, "compiled", lambda *_: layer)
    CapturedReader(FixedReader(model, BATCH.prompts, BATCH.prompt_mask, room=10), pool=POOL)
    assert seen == [0, 1, 1]  # the capture, of two layers, has its graph first


def test_what_is_kept_compiled_is_not_what_is_kept_as_it_was(model):
    given = BATCH.prompts, BATCH.prompt_mask
    with captured():
        plain = captured_passes._key(model, given, ())
        with captured(compiled=True):
            assert captured_passes._key(model, given, ()) != plain
        assert captured_passes._key(model, given, ()) == plain
