import subprocess
import sys

import pytest
import torch

from rlhf_lab import weights
from rlhf_lab.models import tiny_gpt2

SETTINGS = {"name": "toy", "made_by": {"seed": 0}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_LAB_CACHE", str(tmp_path))
    return tmp_path


class Training:
    """Sets every weight to 1 and counts how often it is asked to."""

    count = 0

    def __call__(self, model):
        self.count += 1
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(1.0)


def build():
    return tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0)


def test_the_second_call_reads_what_the_first_one_trained():
    train = Training()
    first = weights.cached_weights(build, train, **SETTINGS)
    second = weights.cached_weights(build, train, **SETTINGS)
    assert train.count == 1
    assert weights.checksum(first) == weights.checksum(second) != weights.checksum(build())


def test_another_recipe_is_another_file():
    train = Training()
    weights.cached_weights(build, train, **SETTINGS)
    weights.cached_weights(build, train, name="toy", made_by={"seed": 1})
    assert train.count == 2


def test_the_order_in_which_a_recipe_is_told_makes_no_other_file(cache):
    recipe = {"seed": 0, "steps": 1}
    for made_by in (recipe, dict(reversed(recipe.items()))):
        weights.cached_weights(build, Training(), name="toy", made_by=made_by)
    assert len(list(cache.glob("*.safetensors"))) == 1


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "foreign"])
def test_a_damaged_file_is_noticed_and_made_again(cache, damage):
    train = Training()
    good = weights.checksum(weights.cached_weights(build, train, **SETTINGS))
    (path,) = cache.glob("*.safetensors")
    data = bytearray(path.read_bytes())
    if damage == "bit":
        data[-1] ^= 1
    path.write_bytes({"cut": data[:-9], "bit": data, "empty": b"", "foreign": b"x" * 99}[damage])
    with pytest.warns(UserWarning, match="training it again") as warned:
        again = weights.cached_weights(build, train, **SETTINGS)
    assert (train.count, weights.checksum(again), len(warned)) == (2, good, 1)
    assert path.read_bytes() != bytes(data[:-9])


def test_a_failed_write_leaves_the_old_file(cache, monkeypatch):
    path = cache / "kept.safetensors"
    weights.write_weights(build(), path)
    old = path.read_bytes()

    def full_disk(*_arguments, **_settings):
        raise OSError("No space left on device")

    monkeypatch.setattr(weights, "save_model", full_disk)
    with pytest.raises(OSError, match="No space left"):
        weights.write_weights(build(), path)
    assert path.read_bytes() == old
    assert list(cache.iterdir()) == [path]


def test_a_cache_folder_that_cannot_be_made_says_what_to_do(cache, monkeypatch):
    (cache / "file").write_text("")
    monkeypatch.setenv("RLHF_LAB_CACHE", str(cache / "file" / "below"))
    with pytest.raises(OSError, match="name another in RLHF_LAB_CACHE"):
        weights.cached_weights(build, Training(), **SETTINGS)


def test_two_processes_at_once_train_once(cache):
    program = """
import time
import torch
from rlhf_lab.weights import cached_weights, cache_folder

def train(model):
    with open(cache_folder() / "trained", "a") as file:
        file.write("x")
    time.sleep(0.5)

cached_weights(lambda: torch.nn.Linear(2, 2), train, name="toy", made_by={})
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert (cache / "trained").read_text() == "x"


def test_several_processes_find_the_weights_and_do_not_train_them(cache, monkeypatch):
    """They train together, so each would wait for the others, which wait for the lock."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"is not there yet, .* make it in one process first"):
        weights.cached_weights(build, Training(), **SETTINGS)
    monkeypatch.setenv("WORLD_SIZE", "1")
    made = weights.cached_weights(build, Training(), **SETTINGS)
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = weights.cached_weights(build, Training(), **SETTINGS)
    assert weights.checksum(found) == weights.checksum(made)


def test_a_recipe_that_is_no_json_is_refused_and_names_its_culprit():
    with pytest.raises(ValueError, match="optimizer must be plain JSON, got"):
        weights.cached_weights(
            build, Training(), name="toy", made_by={"seed": 0, "optimizer": torch.optim.Adam}
        )


def test_a_file_in_the_cache_may_be_read_by_all_who_may_read_new_files(cache):
    weights.cached_weights(build, Training(), **SETTINGS)
    (cache / "new").touch()
    (path,) = cache.glob("*.safetensors")
    assert path.stat().st_mode == (cache / "new").stat().st_mode


def test_weights_of_every_type_have_a_checksum():
    kinds = (torch.float64, torch.float32, torch.bfloat16)
    sums = [weights.checksum(build().to(dtype)) for dtype in kinds]
    assert len(set(sums)) == 3


def no_lock(*_arguments, **_settings):
    raise PermissionError("Permission denied")


def test_a_cache_that_may_only_be_read_is_read(monkeypatch):
    made = weights.cached_weights(build, Training(), **SETTINGS)
    monkeypatch.setattr(weights.filelock, "FileLock", no_lock)
    train = Training()
    found = weights.cached_weights(build, train, **SETTINGS)
    assert (train.count, weights.checksum(found)) == (0, weights.checksum(made))


def test_a_cache_that_cannot_be_written_to_says_what_to_do(monkeypatch):
    monkeypatch.setattr(weights.filelock, "FileLock", no_lock)
    with pytest.raises(OSError, match=r"cannot write to .*denied.*name another in RLHF_LAB_CACHE"):
        weights.cached_weights(build, Training(), **SETTINGS)


def test_a_path_may_be_text_and_what_is_not_there_is_named(cache):
    weights.write_weights(build(), f"{cache}/some.safetensors")
    read = weights.read_weights(build(), f"{cache}/some.safetensors")
    assert weights.checksum(read) == weights.checksum(build())
    with pytest.raises(weights.DamagedWeightsError, match=r"none\.safetensors cannot be read"):
        weights.read_weights(build(), f"{cache}/none.safetensors")


def test_a_link_to_a_file_stays_a_link(cache):
    (cache / "store").mkdir()
    link, target = cache / "link.safetensors", cache / "store" / "kept.safetensors"
    link.symlink_to(target)
    for _ in range(2):  # at first it leads to nothing
        weights.write_weights(build(), link)
        assert link.is_symlink()
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert weights.checksum(weights.read_weights(build(), link)) == weights.checksum(build())
