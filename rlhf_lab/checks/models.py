"""An exercise on the copy of a model that is trained beside its frozen start."""

import torch
from torch import nn

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.models import frozen_copy, tiny_gpt2
from rlhf_lab.museum import models as museum


def frozen_gpt2(generator: torch.Generator) -> dict:
    """A frozen tiny GPT-2 with dropout in it."""
    seed = int(torch.randint(1000, (), generator=generator))
    model = tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=seed)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.5
    return {"model": frozen_copy(model)}


def layout(model: nn.Module) -> list[tuple]:
    """Name, shape, type of numbers and device of every parameter."""
    return [(name, x.shape, x.dtype, x.device) for name, x in model.named_parameters()]


def broken_law(model: nn.Module, got: object) -> str:
    """What a trainable copy of a frozen model lacks; empty where it lacks nothing."""
    if not isinstance(got, nn.Module):
        return f"expected a model, got {type(got).__name__}"
    if type(got) is not type(model) or layout(got) != layout(model):
        return "its parameters are not those of the model"
    pairs = list(zip(model.parameters(), got.parameters(), strict=True))
    if any(own.data_ptr() == old.data_ptr() for old, own in pairs):
        return "it shares weights with the model: training one would change the other"
    if any(old.requires_grad for old, _ in pairs):
        return "the model itself is not frozen any more"
    if any(not own.requires_grad for _, own in pairs):
        return "some of its weights do not learn: requires_grad is False"
    if any(not torch.equal(own, old) for old, own in pairs):
        return "its weights differ from the model's"
    ids = torch.zeros(1, 4, dtype=torch.long)
    if not torch.equal(got(input_ids=ids).logits, got(input_ids=ids).logits):
        return "two passes over one text differ: dropout is on"
    return ""


trainable_copy = Exercise(
    name="trainable_copy",
    asks="a copy of a frozen model that learns, with dropout off, while the model stays as it is",
    inputs=frozen_gpt2,
    law=broken_law,
    bugs=museum.COPIES,
    replaces="models.trainable_copy",
)
EXERCISES = (trainable_copy,)
