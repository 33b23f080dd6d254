"""A state that is kept comes back bit for bit; what is not whole or not ours is refused."""

import copy
import errno
import resource
from dataclasses import replace
from functools import partial

import jaxtyping
import pytest
import torch
from safetensors.torch import save_file
from transformers import Adafactor

from rlhf_lab import checkpoints, whole_files
from rlhf_lab.checkpoints import CheckpointError, Checkpoints, load_checkpoint, save_checkpoint
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.training_state import TrainingState, tensors_of, weights_of

SETTINGS = {"learning_rate": 0.1, "seed": 0, "betas": (0.9, 0.95)}


def state(width=8, optimizer=torch.optim.Adam):
    policy = tiny_gpt2(7, layers=1, width=width, heads=1, context=6, seed=0)
    return TrainingState(
        modules={"policy": policy},
        optimizers={"policy": optimizer(policy.parameters(), lr=0.1)},
        generators={"sampling": torch.Generator().manual_seed(3)},
        numbers={"beta": 0.15},
    )


def trained(run, steps):
    """Losses of some noisy updates, which depend on weights, moments, generator and number."""
    (policy,), (optimizer,) = run.modules.values(), run.optimizers.values()
    losses = []
    for _ in range(steps):
        ids = torch.randint(7, (4, 6), generator=run.generators["sampling"])
        loss = run.numbers["beta"] * policy(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.numbers["beta"] *= 1.1
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.AdamW])
def test_a_run_goes_on_bit_for_bit(tmp_path, optimizer):
    path, whole = tmp_path / "run.safetensors", state(optimizer=optimizer)
    trained(whole, 3)
    save_checkpoint(path, whole, SETTINGS, steps_done=3)
    expected = trained(whole, 4)
    again = state(optimizer=optimizer)
    assert load_checkpoint(path, again, SETTINGS) == 3
    assert trained(again, 4) == expected
    ends = tensors_of(whole), tensors_of(again)
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())


def test_weights_that_are_shared_are_kept_once():
    names = weights_of(state())
    assert sum(tensor.numel() for tensor in names.values()) == sum(
        parameter.numel() for parameter in state().modules["policy"].parameters()
    )


def test_it_is_written_when_due_and_put_back_only_where_it_is(tmp_path):
    kept = Checkpoints(path=tmp_path / "deep" / "run.safetensors", every=2, settings=SETTINGS)
    run = state()
    assert kept.restore(run) == 0
    kept.keep(run, steps_done=1)
    assert not kept.path.exists()
    kept.keep(run, steps_done=2)
    assert kept.restore(state()) == 2
    assert [path.name for path in kept.path.parent.iterdir()] == ["run.safetensors"]
    with pytest.raises(ValueError, match="every must be a whole number, 1 or above, got 0"):
        Checkpoints(path=tmp_path, every=0, settings={})
    with pytest.raises(ValueError, match=r"path must name a file, but .* is a folder"):
        Checkpoints(path=tmp_path, every=1, settings={})


def test_a_path_may_be_text(tmp_path):
    kept = Checkpoints(path=f"{tmp_path}/run.safetensors", every=1, settings=SETTINGS)
    assert kept.restore(state()) == 0
    kept.keep(state(), steps_done=1)
    assert kept.restore(state()) == 1


def test_whoever_may_read_new_files_may_read_it(tmp_path):
    save_checkpoint(tmp_path / "run.safetensors", state(), SETTINGS, steps_done=1)
    (tmp_path / "new").touch()
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(tmp_path, size):
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, state(), SETTINGS, steps_done=1)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CheckpointError, match=r"cannot be read .* delete it to begin anew"):
        load_checkpoint(path, state(), SETTINGS)


def test_a_file_with_one_changed_byte_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, state(), SETTINGS, steps_done=1)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="does not match its checksum"):
        load_checkpoint(path, state(), SETTINGS)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of this package"):
        load_checkpoint(path, state(), SETTINGS)


def test_the_file_of_another_run_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, state(), SETTINGS, steps_done=1)
    run = state()
    trained(run, 1)
    before = {name: tensor.clone() for name, tensor in tensors_of(run).items()}
    with pytest.raises(CheckpointError, match=r"another run: learning_rate was 0\.1, is 0\.2"):
        load_checkpoint(path, run, SETTINGS | {"learning_rate": 0.2})
    assert all(torch.equal(before[name], tensor) for name, tensor in tensors_of(run).items())
    with pytest.raises(CheckpointError, match="holds other models"):
        load_checkpoint(path, state(width=16), SETTINGS)
    rounded = state()
    rounded.modules["policy"].bfloat16()
    with pytest.raises(CheckpointError, match="holds other models"):
        load_checkpoint(path, rounded, SETTINGS)
    with pytest.raises(CheckpointError, match="policy's optimizer was 'Adam', is 'RMSprop'"):
        load_checkpoint(path, state(optimizer=torch.optim.RMSprop), SETTINGS)
    without = TrainingState(modules=run.modules, optimizers={})
    with pytest.raises(CheckpointError, match="policy's optimizer was 'Adam', is None"):
        load_checkpoint(path, without, SETTINGS)
    more = replace(run, generators={**run.generators, "other": torch.Generator()})
    with pytest.raises(CheckpointError, match="holds other models: it has"):
        load_checkpoint(path, more, SETTINGS)


@pytest.mark.parametrize("failing", ["save_file", "replace"])
def test_a_full_disk_loses_the_new_file_and_not_the_old(tmp_path, monkeypatch, failing):
    path, run = tmp_path / "run.safetensors", state()
    save_checkpoint(path, run, SETTINGS, steps_done=1)
    trained(run, 1)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = checkpoints if failing == "save_file" else whole_files.os
    monkeypatch.setattr(target, failing, full)
    with pytest.raises(OSError, match=r"no checkpoint after step 2: .*No space left"):
        save_checkpoint(path, run, SETTINGS, steps_done=2)
    monkeypatch.undo()
    assert load_checkpoint(path, state(), SETTINGS) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_write_that_the_system_stops_half_way_keeps_the_old_file(tmp_path):
    path, run = tmp_path / "run.safetensors", state()
    save_checkpoint(path, run, SETTINGS, steps_done=1)
    trained(run, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="no checkpoint after step 2"):
            save_checkpoint(path, run, SETTINGS, steps_done=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_checkpoint(path, state(), SETTINGS) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]


def test_settings_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_checkpoint(tmp_path / "x", state(), {"rate": float("nan")}, steps_done=1)
    assert list(tmp_path.iterdir()) == []
    for name, value in (("rate", float("nan")), ("optimizer", torch.optim.Adam)):
        with pytest.raises(ValueError, match=f"{name} must be plain JSON, got"):
            Checkpoints(path=tmp_path / "x", every=1, settings={"seed": 0, name: value})


def test_what_is_frozen_must_be_the_same_when_a_run_goes_on(tmp_path):
    path, reference = tmp_path / "run.safetensors", state().modules["policy"]
    save_checkpoint(path, replace(state(), frozen={"reference": reference}), {}, steps_done=1)
    with torch.no_grad():
        again, other = copy.deepcopy(reference), copy.deepcopy(reference)
        next(other.parameters()).add_(1e-3)
    assert load_checkpoint(path, replace(state(), frozen={"reference": again}), {}) == 1
    with pytest.raises(CheckpointError, match="another reference; give the reference of the call"):
        load_checkpoint(path, replace(state(), frozen={"reference": other}), {})


def test_an_optimizer_that_keeps_plain_numbers_goes_on_bit_for_bit(tmp_path):
    def adafactor(parameters, lr):
        return Adafactor(parameters, lr=lr, scale_parameter=False, relative_step=False)

    path, whole, again = tmp_path / "run.safetensors", *(state(optimizer=adafactor) for _ in "12")
    trained(whole, 2)
    save_checkpoint(path, whole, SETTINGS, steps_done=2)
    load_checkpoint(path, again, SETTINGS)
    assert trained(again, 3) == trained(whole, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weight_decay": 50.0}, r"weight_decay of the policy's optimizer, .* was 0\.0, is 50\.0"),
        ({"betas": (0.8, 0.999)}, r"betas of the policy's optimizer, .* was \[0\.9, 0\.999\], is"),
        ({"amsgrad": True}, "amsgrad of the policy's optimizer, group 0 was False, is True"),
    ],
)
def test_other_settings_of_an_optimizer_are_refused_and_nothing_changes(tmp_path, changed, message):
    path, adamw = tmp_path / "run.safetensors", partial(torch.optim.AdamW, weight_decay=0.0)
    run = state(optimizer=adamw)
    trained(run, 1)
    save_checkpoint(path, run, SETTINGS, steps_done=1)
    other = state(optimizer=partial(adamw, **changed))
    before = {name: tensor.clone() for name, tensor in tensors_of(other).items()}
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path, other, SETTINGS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tensors_of(other).items())


def test_other_groups_of_weights_are_refused_and_nothing_changes(tmp_path):
    def in_two(parameters, lr):
        first, *others = parameters
        return torch.optim.Adam([{"params": [first]}, {"params": others}], lr=lr)

    path, other = tmp_path / "run.safetensors", state(optimizer=in_two)
    save_checkpoint(path, state(), SETTINGS, steps_done=1)
    with pytest.raises(CheckpointError, match="number of groups of the policy's optimizer was 1, "):
        load_checkpoint(path, other, SETTINGS)


@pytest.mark.parametrize("changed", [{"foreach": True}, {"fused": True}, {"capturable": False}])
def test_the_rate_and_the_way_a_step_is_computed_may_change(tmp_path, changed):
    """Loops set the rate before each step, and one device computes a step in other kernels."""
    path, run = tmp_path / "run.safetensors", state()
    run.optimizers["policy"].param_groups[0]["lr"] = 0.05
    save_checkpoint(path, run, SETTINGS, steps_done=1)
    assert load_checkpoint(path, state(optimizer=partial(torch.optim.Adam, **changed)), SETTINGS)


class Counting(torch.optim.SGD):
    """Keeps a number of its own in its group, as Prodigy and the schedule-free optimizers do."""

    def step(self):
        super().step()
        for group in self.param_groups:
            group["k"] = group.get("k", 0) + 1


def test_what_an_optimizer_counts_in_its_groups_is_no_setting(tmp_path):
    path, run, again = tmp_path / "run.safetensors", *(state(optimizer=Counting) for _ in "12")
    again.optimizers["policy"].param_groups[0]["k"] = 0
    trained(run, 2)
    save_checkpoint(path, run, SETTINGS, steps_done=2)
    load_checkpoint(path, again, SETTINGS)
    assert again.optimizers["policy"].param_groups[0]["k"] == 2


@pytest.mark.parametrize("settings", [{1: 2}, [1]])
def test_settings_that_are_no_dictionary_of_texts_are_refused(tmp_path, settings):
    jaxtyping.config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match="settings must be a dictionary with texts as keys, got"):
        Checkpoints(path=tmp_path / "x", every=1, settings=settings)


def test_a_link_to_a_checkpoint_stays_a_link(tmp_path):
    link, target = tmp_path / "link.safetensors", tmp_path / "run.safetensors"
    link.symlink_to(target)
    save_checkpoint(link, state(), SETTINGS, steps_done=1)
    assert link.is_symlink()
    assert load_checkpoint(target, state(), SETTINGS) == 1


@pytest.mark.parametrize(("first", "then"), [(None, "wte"), ("wpe", "wte"), ("wte", None)])
def test_a_run_in_which_other_weights_learn_is_refused_and_nothing_changes(tmp_path, first, then):
    def frozen(part):
        run = state()
        if part is not None:
            run.modules["policy"].get_submodule(f"transformer.{part}").requires_grad_(False)
        learning = [p for p in run.modules["policy"].parameters() if p.requires_grad]
        return replace(run, optimizers={"policy": torch.optim.Adam(learning, lr=0.1)})

    path, run, other = tmp_path / "run.safetensors", frozen(first), frozen(then)
    trained(run, 1)
    save_checkpoint(path, run, SETTINGS, steps_done=1)
    before = {name: tensor.clone() for name, tensor in tensors_of(other).items()}
    with pytest.raises(CheckpointError, match="other weights of the policy learn: transformer"):
        load_checkpoint(path, other, SETTINGS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tensors_of(other).items())
    assert load_checkpoint(path, frozen(first), SETTINGS) == 1
