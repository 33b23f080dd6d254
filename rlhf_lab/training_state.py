"""What a training run changes, as named tensors and numbers."""

import hashlib
import inspect
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

MAY_CHANGE = {"lr", "params", "fused", "foreach", "capturable", "differentiable"}
"""of an optimizer's group: loops set the rate, and what computes a step depends on the device"""


@dataclass(frozen=True)
class TrainingState:
    """Modules, optimizers, generators, and what is no tensor, as the coefficient of a controller.

    Every one has a name, under which its tensors are kept.
    """

    modules: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    generators: dict[str, torch.Generator] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    frozen: dict[str, nn.Module] = field(default_factory=dict)
    """what the run reads and never changes, as its reference: kept as a checksum only"""

    def names(self) -> dict[str, list[str]]:
        """What the state consists of, for comparison with another."""
        kinds = ("modules", "optimizers", "generators")
        return {kind: sorted(getattr(self, kind)) for kind in kinds}

    def groups(self) -> dict[str, list[dict]]:
        """The settings of each optimizer's groups and the numbers of their parameters."""
        return {name: each.state_dict()["param_groups"] for name, each in self.optimizers.items()}

    def learning(self) -> dict[str, list[str]]:
        """The weights of each module that learn, in the order of its optimizer."""
        return {
            name: [key for key, weight in module.named_parameters() if weight.requires_grad]
            for name, module in self.modules.items()
        }

    def kinds_of_optimizers(self) -> dict[str, str]:
        """The name of each optimizer's class: what its moments are moments of."""
        return {f"{name}'s optimizer": type(x).__name__ for name, x in self.optimizers.items()}

    def fingerprints(self) -> dict[str, str]:
        """The checksum of each frozen module's weights, by which it is known again."""
        return {
            name: checksum(
                {key: each.cpu().contiguous() for key, each in module.state_dict().items()}
            )
            for name, module in self.frozen.items()
        }


def settings_of_optimizers(state: TrainingState, groups: dict[str, list[dict]]) -> dict:
    """What the makers of the optimizers set in such groups, and how many weights each group has.

    Of the entries of a group those that its optimizer is made with, but for `MAY_CHANGE`: others
    are counted on as it learns.
    """
    found = {}
    for name, optimizer in state.optimizers.items():
        found[f"number of groups of the {name}'s optimizer"] = len(groups[name])
        given = inspect.signature(type(optimizer)).parameters.keys() - MAY_CHANGE
        for number, group in enumerate(groups[name]):
            whose = f" of the {name}'s optimizer, group {number}"
            found |= {f"{key}{whose}": group[key] for key in sorted(given & group.keys())}
            found[f"number of weights{whose}"] = len(group["params"])
    return found


def tensors_of(state: TrainingState) -> dict[str, Tensor]:
    """Every tensor of a state under a name of its own, on the CPU."""
    tensors = weights_of(state)
    for name, optimizer in state.optimizers.items():
        for number, values in optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizers/{name}/{number}/{key}": torch.as_tensor(each)
                for key, each in values.items()
            }
    tensors |= {f"generators/{name}": each.get_state() for name, each in state.generators.items()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def weights_of(state: TrainingState) -> dict[str, Tensor]:
    """The weights of all modules; those that share memory, as GPT-2's two ends, once."""
    found, seen = {}, set()
    for name, module in state.modules.items():
        for key, tensor in module.state_dict().items():
            if tensor.data_ptr() not in seen:
                seen.add(tensor.data_ptr())
                found[f"modules/{name}/{key}"] = tensor
    return found


def put_back(
    state: TrainingState, tensors: dict[str, Tensor], groups: dict, numbers: dict[str, float]
) -> None:
    """Give a state the tensors, groups and numbers that were kept; they must fit."""
    with torch.no_grad():
        for name, tensor in weights_of(state).items():
            tensor.copy_(tensors[name])
    for name, optimizer in state.optimizers.items():
        kept = {"state": moments(tensors, name), "param_groups": groups[name]}
        optimizer.load_state_dict(kept)
    for name, generator in state.generators.items():
        generator.set_state(tensors[f"generators/{name}"])
    state.numbers.clear()
    state.numbers.update(numbers)


def moments(tensors: dict[str, Tensor], name: str) -> dict[int, dict[str, Tensor]]:
    """The state of one optimizer, by the number of the parameter."""
    found: dict[int, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        kind, owner, *rest = path.split("/")
        if (kind, owner) == ("optimizers", name):
            found.setdefault(int(rest[0]), {})[rest[1]] = tensor
    return found


def checksum(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
