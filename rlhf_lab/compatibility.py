"""Whether a model and a batch fit together, asked once and before the first step."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from rlhf_lab.dropout import without_dropout
from rlhf_lab.logprobs import response_logits
from rlhf_lab.responses import Responses, trim

PROBED = 8  # tokens of one response, read with the pads before their prompt and without
LARGEST_CHANGE = 0.1  # more than rounding to bfloat16 makes; a wrong position makes ten times that


def check_fits(model: nn.Module, responses: Responses) -> None:
    """Raise ValueError where a token id or a length is outside what the model knows.

    Also where data and model are on different devices, and where pads change what it says. Call
    it once on a whole data set, before the first step.
    """
    check_device(model, "responses", responses.tokens)
    check_vocabulary(model, "prompts", responses.prompts)
    check_vocabulary(model, "tokens", responses.tokens)
    longest = (responses.prompt_mask.sum(dim=1) + responses.mask.sum(dim=1)).max()
    check_length(model, "prompt and response", int(longest))
    check_padding(model, responses)


@torch.no_grad()
def check_padding(model: nn.Module, responses: Responses) -> None:
    """Raise ValueError where pads before the shortest prompt change the logits after it.

    So it is in models that count positions by themselves, and with them the pads. The scale is the
    logits' standard deviation; of a head of one number, its size. Prompts of one length have no
    pads: nothing is read then.
    """
    if responses.prompt_mask.all():
        return
    shortest = responses[responses.prompt_mask.sum(dim=1).argmin()[None]]
    prompts, prompt_mask, tokens, mask = shortest.arrays
    padded = Responses(prompts, prompt_mask, tokens[:, :PROBED], mask[:, :PROBED])
    real = padded.mask[0]
    with without_dropout(model):
        found = response_logits(model, padded)[0, real]
        alone = response_logits(model, trim(padded))[0, : int(real.sum())]
    scale = alone.std() if alone.shape[-1] > 1 else alone.abs().max().clamp(min=1)
    change = (found - alone).abs().max() / scale
    if change > LARGEST_CHANGE:
        raise ValueError(
            f"pads before a prompt change what {type(model).__name__} says, by {change:.2g} of "
            "its scale: it does not count positions by the position_ids that it is given; take "
            "another model, or prompts of one length"
        )


def check_vocabulary(model: nn.Module, name: str, ids: Int[Tensor, "batch position"]) -> None:
    """Raise ValueError where an id is outside the model's vocabulary, padding included."""
    vocabulary = vocabulary_of(model)
    if ids.min() < 0 or ids.max() >= vocabulary:
        raise ValueError(
            f"{name}: token ids must lie in 0..{vocabulary - 1}, the model's vocabulary, "
            f"got {int(ids.min())}..{int(ids.max())}; is this the model's own tokenizer?"
        )


def check_device(model: nn.Module, name: str, ids: Int[Tensor, "batch position"]) -> None:
    """Raise ValueError where a batch is not where the model is."""
    device = next(model.parameters()).device
    if ids.device != device:
        raise ValueError(
            f"the {name} are on {ids.device} and the model on {device}; move one with .to(device)"
        )


def check_length(model: nn.Module, what: str, longest: int) -> None:
    """Raise ValueError for more tokens than the context; some models have no limit, as BLOOM."""
    context = getattr(model.config, "max_position_embeddings", None)
    if context is not None and longest > context:
        raise ValueError(
            f"{what} together have up to {longest} tokens, but the model's context is {context}; "
            "shorten one of them"
        )


def vocabulary_of(model: nn.Module) -> int:
    """The number of tokens. ValueError for a model without a configuration that says it."""
    size = getattr(getattr(model, "config", None), "vocab_size", None)
    if size is None:
        raise ValueError(
            f"a model needs config.vocab_size, as transformers' language models have, got "
            f"{type(model).__name__}; of a wrapper give the model inside"
        )
    return size
