"""The trunk of a causal language model: all of it but the head that gives logits."""

from torch import nn


def trunk_of(language_model: nn.Module) -> nn.Module:
    """What transformers calls `base_model`. ValueError for a model in which nothing is so named.

    Of a model with adapters (peft) it is that of the model inside, adapters included.
    """
    model = _inside(language_model)
    trunk = getattr(model, "base_model", model)
    if trunk is model:
        raise ValueError(
            f"{type(model).__name__} has no trunk apart from its head (base_model, as "
            "transformers' language models have), on which another head could stand"
        )
    return trunk


def width_of(language_model: nn.Module) -> int:
    """How many numbers the head reads at a position: not in all models those within the trunk."""
    model = _inside(language_model)
    find = getattr(model, "get_output_embeddings", lambda: getattr(model, "lm_head", None))
    width = getattr(find(), "in_features", None)
    return model.config.hidden_size if width is None else width


def _inside(model: nn.Module) -> nn.Module:
    return model.get_base_model() if hasattr(model, "get_base_model") else model
