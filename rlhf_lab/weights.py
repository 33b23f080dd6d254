"""Trained weights kept in the user's cache folder, so that a base model is trained once."""

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import filelock
import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model, save_model
from torch import nn

from rlhf_lab import processes
from rlhf_lab.settings import require_json_dict
from rlhf_lab.whole_files import whole_file


class DamagedWeightsError(ValueError):
    """A cached file that does not hold what was written."""


def cache_folder() -> Path:
    """Where weights are kept: the folder RLHF_LAB_CACHE, or the user's cache folder."""
    return Path(os.environ.get("RLHF_LAB_CACHE") or platformdirs.user_cache_dir("rlhf-lab"))


def cached_weights(
    build: Callable[[], nn.Module],
    train: Callable[[nn.Module], None],
    *,
    name: str,
    made_by: dict,
) -> nn.Module:
    """`build()` with the weights that `train(model)` gives it, from the cache where they are there.

    `made_by` is everything that determines the weights; another content, another file. Raises
    ValueError where something in it is not plain JSON, and OSError that says what to do where the
    file is not there and the folder cannot be written to.
    Two processes at once train once. A damaged file is reported by a warning and made again.
    """
    require_json_dict(made_by=made_by)
    key = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{key}.safetensors"
    if path.exists():  # whole, whoever writes it: a folder that may only be read needs no lock
        with suppress(DamagedWeightsError):
            return read_weights(build(), path)
    with _locked(path):
        if path.exists():
            try:
                return read_weights(build(), path)
            except DamagedWeightsError as error:
                warnings.warn(f"{error}; training it again", stacklevel=2)
        if processes.count() > 1:
            raise ValueError(
                f"{path.name} is not there yet, and of several processes each would wait for the "
                "others: make it in one process first"
            )
        model = build()
        train(model)
        write_weights(model, path)
    return model


def _locked(path: Path) -> AbstractContextManager:
    """The lock of a file that is to be made, in a folder that is there then."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(path.with_suffix(".lock")).acquire()
    except OSError as error:
        raise OSError(
            f"cannot write to the cache folder {path.parent} ({error}); name another in "
            "RLHF_LAB_CACHE"
        ) from error


def hash_of_sources(*sources: str) -> str:
    """SHA-256 over files of this package, named as "train/sft.py": what code made some weights."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update((Path(__file__).parent / source).read_bytes())
    return digest.hexdigest()


def write_weights(model: nn.Module, path: Path | str) -> None:
    """Write weights and their checksum to `path` in one step: the whole file or the old one."""
    with whole_file(path) as partial:
        save_model(model, str(partial), metadata={"sha256": checksum(model)})


def read_weights(model: nn.Module, path: Path | str) -> nn.Module:
    """`model` with the weights of a file; DamagedWeightsError unless they are those written."""
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            written = (file.metadata() or {}).get("sha256")
        load_model(model, path)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise DamagedWeightsError(f"{path.name} cannot be read ({error})") from error
    if checksum(model) != written:
        raise DamagedWeightsError(f"{path.name} does not match its checksum")
    return model


def checksum(model: nn.Module) -> str:
    """SHA-256 over the names and bytes of all weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
