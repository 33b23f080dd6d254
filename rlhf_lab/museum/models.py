"""Mistakes in the copies of a model that training needs."""

import copy

from torch import nn

from rlhf_lab.museum.bug import Bug


def the_same_model(model: nn.Module) -> nn.Module:
    """No copy at all: what trains the policy changes the reference too."""
    return model.requires_grad_(True).eval()


def a_frozen_copy(model: nn.Module) -> nn.Module:
    """A deep copy of a frozen model is frozen: nothing in it will learn."""
    return copy.deepcopy(model).eval()


def dropout_left_on(model: nn.Module) -> nn.Module:
    """The copy is in training mode: dropout makes two passes over one text differ."""
    return copy.deepcopy(model).requires_grad_(True).train()


def weights_shared(model: nn.Module) -> nn.Module:
    """The copy is shallow: a new model around the old weights."""
    shallow = copy.deepcopy(model)
    for (_, own), (_, old) in zip(
        shallow.named_parameters(), model.named_parameters(), strict=True
    ):
        own.data = old.data
    return shallow.requires_grad_(True).eval()


def new_weights(model: nn.Module) -> nn.Module:
    """The copy has fresh random weights: training starts from nothing."""
    fresh = copy.deepcopy(model).requires_grad_(True).eval()
    for parameter in fresh.parameters():
        nn.init.normal_(parameter, std=0.02)
    return fresh


COPIES = (
    Bug(function=the_same_model, looks="The KL is 0 for ever and DPO's loss stays at ln 2."),
    Bug(
        function=a_frozen_copy,
        looks="The loss of a reward model hardly falls: only its head learns. Nothing fails.",
    ),
    Bug(
        function=dropout_left_on,
        looks="Ratios differ from 1 before the first update, the KL from 0; it still learns, with "
        "more noise.",
        seen=("huggingface/trl#4", "huggingface/trl#3234"),
    ),
    Bug(function=weights_shared, looks="As without a copy: the reference follows the policy."),
    Bug(function=new_weights, looks="The first texts are noise, the KL is huge at once."),
)
