"""Is a kept state one of this run? A run never goes on from what belongs to another."""

import json
from pathlib import Path

from torch import Tensor

from rlhf_lab.training_state import TrainingState, settings_of_optimizers, weights_of


class CheckpointError(ValueError):
    """A file that is damaged, is no checkpoint, or belongs to another run."""


def check_same_run(
    path: Path, tensors: dict[str, Tensor], about: dict, state: TrainingState, settings: dict
) -> None:
    """Raise CheckpointError, which says what differs, where a kept state is not one of this run."""
    check_same_settings(path, about["settings"], settings)
    kinds = state.kinds_of_optimizers()
    check_same_settings(path, about.get("optimizers", kinds), kinds)
    kept = {name: tensors[name] for name in tensors if name.startswith("modules/")}
    before, here = (
        {(name, tensor.shape, tensor.dtype) for name, tensor in weights.items()}
        for weights in (kept, weights_of(state))
    )
    differing = sorted({name for name, *_ in before ^ here})
    if differing or about["names"] != state.names():
        what = ", ".join(differing[:3]) or f"it has {about['names']}, this run {state.names()}"
        raise CheckpointError(f"{path} holds other models: {what}; name another file")
    for name, weights in about.get("learning", {}).items():
        if other := sorted({*weights} ^ {*state.learning()[name]}):
            raise CheckpointError(
                f"{path} belongs to a run in which other weights of the {name} learn: "
                f"{', '.join(other[:3])}; freeze those that were frozen, or name another file"
            )
    were, are = (settings_of_optimizers(state, x) for x in (about["groups"], state.groups()))
    in_both = were.keys() & are.keys()  # a release of torch may have added one
    check_same_settings(path, *({name: given[name] for name in in_both} for given in (were, are)))
    frozen = state.fingerprints()
    others = [name for name in frozen if about["frozen"].get(name) != frozen[name]]
    if others:
        raise CheckpointError(
            f"{path} belongs to a run with another {others[0]}; give the {others[0]} of the call "
            "that began it: a copy of the trained policy is not that"
        )


def check_same_settings(path: Path, kept: dict, settings: dict) -> None:
    """Raise CheckpointError naming the settings in which two runs differ."""
    here = json.loads(json.dumps(settings))
    differing = [name for name in sorted({*kept, *here}) if kept.get(name) != here.get(name)]
    if differing:
        found = (f"{name} was {kept.get(name)!r}, is {here.get(name)!r}" for name in differing)
        raise CheckpointError(f"{path} belongs to another run: {'; '.join(found)}")
