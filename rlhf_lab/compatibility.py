"""Whether a model and a batch fit together, asked once and before the first step."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from rlhf_lab import precision
from rlhf_lab.dropout import without_dropout
from rlhf_lab.gpt2 import GPT2, GPT2Trunk
from rlhf_lab.logprobs import response_logits
from rlhf_lab.responses import Responses, trim

PROBED = 8  # tokens of one response
LARGEST_CHANGE = 0.1  # more than rounding to bfloat16 makes; a wrong position makes ten times that


def check_fits(model: nn.Module, responses: Responses) -> None:
    """Raise ValueError where a token id or a length is outside what the model knows.

    Also where data and model are on different devices, and where it numbers tokens in another way.
    Call it once on a whole data set, before the first step.
    """
    check_device(model, "responses", responses.tokens)
    check_vocabulary(model, "prompts", responses.prompts)
    check_vocabulary(model, "tokens", responses.tokens)
    longest = (responses.prompt_mask.sum(dim=1) + responses.mask.sum(dim=1)).max()
    check_length(model, "prompt and response", int(longest))
    check_positions(model, responses)


@torch.no_grad()
def check_positions(model: nn.Module, responses: Responses) -> None:
    """Raise ValueError where positions that count real tokens are not those that the model means.

    The text after the shortest prompt must get the logits that it gets alone, without pads and
    without position_ids. It does not in models that number tokens by themselves, and with them the
    pads (BART), or begin at another number than 0 (RoBERTa). The change is in standard deviations
    of the logits; of a head of one number, in its size.
    """
    if isinstance(model, GPT2) or isinstance(getattr(model, "trunk", None), GPT2Trunk):
        return  # made for it, and in need of position_ids
    shortest = responses[responses.prompt_mask.sum(dim=1).argmin()[None]]
    prompts, prompt_mask, tokens, mask = shortest.arrays
    padded = Responses(prompts, prompt_mask, tokens[:, :PROBED], mask[:, :PROBED])
    alone = trim(padded)
    ids = torch.cat([alone.prompts, alone.tokens], dim=1)[:, :-1]
    length = alone.tokens.shape[1]
    with without_dropout(model), precision.of_matrices(ids.device):
        found = response_logits(model, padded)[0, :length]
        own = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    expected = precision.at_least_float32(own.logits[0, -length:])
    scale = expected.std() if expected.shape[-1] > 1 else expected.abs().max().clamp(min=1)
    change = (found - expected).abs().max() / scale
    if change > LARGEST_CHANGE:
        raise ValueError(
            f"{type(model).__name__} says something else, by {change:.2g} of its scale, where it "
            "is given position_ids 0, 1, 2, ... from a prompt's first real token on; take a model "
            "that numbers tokens so"
        )


def check_prompts(prompts: Int[Tensor, "batch prompt"], mask: Bool[Tensor, "batch prompt"]) -> None:
    """Raise ValueError unless there are prompts to answer, padded on the left."""
    if prompts.dim() != 2 or prompts.numel() == 0 or prompts.dtype != torch.long:
        raise ValueError(
            "prompts must be token ids, int64, of shape (batch, prompt), one each at least; got "
            f"{prompts.dtype} of shape {tuple(prompts.shape)}"
        )
    if mask.shape != prompts.shape or mask.dtype != torch.bool or not mask[:, -1].all():
        raise ValueError(
            "prompts must be padded on the left, with a mask of their shape, true at real tokens: "
            f"a response begins after the last column; got a mask of {mask.dtype}, "
            f"{tuple(mask.shape)}, for prompts of {tuple(prompts.shape)}"
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
