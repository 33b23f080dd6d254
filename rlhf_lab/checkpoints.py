"""The state of a training run in one file, from which the run goes on bit for bit.

Weights, moments of the optimizers and random numbers are tensors in safetensors (no pickle); the
step, the settings and a checksum are JSON in its header. A file is written whole or not at all.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rlhf_lab.same_run import CheckpointError, check_same_run
from rlhf_lab.settings import require_count, require_json_dict
from rlhf_lab.training_state import TrainingState, checksum, put_back, tensors_of
from rlhf_lab.whole_files import whole_file

FORMAT = "rlhf_lab checkpoint 2"


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where a run keeps its state, and after how many steps it writes it.

    `settings` is all that determines the run, as plain JSON; a file with others is refused. A state
    is written when the next step is asked for, so that a loop left by `break` loses the step that
    it is in. A run whose file has all its steps yields none. Raises ValueError where a setting is
    not plain JSON (a function, NaN), or its name no text, and where `path` is a folder.
    """

    path: Path | str
    every: int
    settings: dict

    def __post_init__(self):
        require_count(every=self.every)
        if Path(self.path).is_dir():
            raise ValueError(f"path must name a file, but {self.path} is a folder")
        require_json_dict(settings=self.settings)

    def restore(self, state: TrainingState) -> int:
        """Put back what was kept and return its number of steps; 0 where there is no file.

        Raises CheckpointError, with nothing changed, where the file cannot be used.
        """
        path = Path(self.path)
        return load_checkpoint(path, state, self.settings) if path.exists() else 0

    def keep(self, state: TrainingState, *, steps_done: int) -> None:
        """Write the state if it is due."""
        if steps_done % self.every == 0:
            save_checkpoint(Path(self.path), state, self.settings, steps_done=steps_done)


def save_checkpoint(path: Path, state: TrainingState, settings: dict, *, steps_done: int) -> None:
    """Write the state in one step: where anything fails, a full disk too, the old file stays.

    Raises OSError that says so, ValueError where a setting or number is not plain JSON.
    """
    tensors = tensors_of(state)
    about = {
        "format": FORMAT,
        "steps_done": steps_done,
        "settings": settings,
        "names": state.names(),
        "groups": state.groups(),
        "optimizers": state.kinds_of_optimizers(),
        "numbers": state.numbers,
        "learning": state.learning(),
        "frozen": state.fingerprints(),
        "sha256": checksum(tensors),
    }
    text = json.dumps(about, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            save_file(tensors, partial, metadata={"about": text})
    except (OSError, SafetensorError) as error:
        raise OSError(
            f"no checkpoint after step {steps_done}: cannot write {path} ({error}); "
            "the one before it, if any, is whole"
        ) from error


def load_checkpoint(path: Path, state: TrainingState, settings: dict) -> int:
    """Put a kept state back in its place; returns the number of steps that it had done.

    Raises CheckpointError, with nothing changed, for a damaged file and for that of another run.
    """
    tensors, about = read_checkpoint(path)
    check_same_run(path, tensors, about, state, settings)
    put_back(state, tensors, about["groups"], about["numbers"])
    return about["steps_done"]


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict]:
    """All tensors of a file, and what its header says. Raises CheckpointError where not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}); delete it to begin anew"
        ) from error
    if about.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this package, or of an older one; name another file"
        )
    if about["sha256"] != checksum(tensors):
        raise CheckpointError(f"{path} does not match its checksum; delete it to begin anew")
    return tensors, about
