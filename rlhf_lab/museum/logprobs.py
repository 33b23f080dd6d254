"""Mistakes between logits and log-probs: the shift, the mask, the end, the positions."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Logits, Ids = Float[Tensor, "batch position vocab"], Int[Tensor, "batch position"]
Mask, Found = Bool[Tensor, "batch position"], Float[Tensor, "batch token"]


def chosen(logits: Tensor, ids: Tensor) -> Tensor:
    """log softmax(logits)[id]."""
    return logits.log_softmax(dim=-1).gather(-1, ids[..., None]).squeeze(-1)


def no_shift(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """The logits at a token, which predict the next one, are read as that token's own."""
    return chosen(logits[:, prompt_length:] / temperature, ids[:, prompt_length:])


def shifted_twice(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """The logits two positions before a token are taken, as when a model has shifted already."""
    return chosen(logits[:, prompt_length - 2 : -2] / temperature, ids[:, prompt_length:])


def no_temperature(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """The temperature that the samples were drawn with is forgotten when they are scored."""
    return chosen(logits[:, prompt_length - 1 : -1], ids[:, prompt_length:])


def times_temperature(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """The logits are multiplied by the temperature instead of divided."""
    return chosen(logits[:, prompt_length - 1 : -1] * temperature, ids[:, prompt_length:])


def raw_logits(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """The token's logit is taken for its log-prob: nothing makes probabilities sum to one."""
    scaled = logits[:, prompt_length - 1 : -1] / temperature
    return scaled.gather(-1, ids[:, prompt_length:, None]).squeeze(-1)


def probabilities(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """Probabilities are returned, without the logarithm."""
    return no_bug(logits, ids, prompt_length, temperature).exp()


def no_bug(logits: Logits, ids: Ids, prompt_length: int, temperature: float) -> Found:
    """log π of each response token, as it should be."""
    return chosen(logits[:, prompt_length - 1 : -1] / temperature, ids[:, prompt_length:])


def end_hidden(tokens: Ids, end_token: int) -> Mask:
    """The mask is tokens != end token, as where pad = eos: the end itself is left out."""
    return tokens != end_token


def all_tokens(tokens: Ids, end_token: int) -> Mask:
    """Everything is marked real, the padding after the end included."""
    return torch.ones_like(tokens, dtype=torch.bool)


def inverted(tokens: Ids, end_token: int) -> Mask:
    """The mask is true at padding and false at real tokens."""
    return (tokens == end_token).long().cumsum(dim=1) - (tokens == end_token).long() > 0


def before_the_end(tokens: Ids, end_token: int) -> Mask:
    """The mask stops before the first end token, so that stopping is never learned."""
    return (tokens == end_token).long().cumsum(dim=1) == 0


def counted_from_the_left(mask: Mask) -> Ids:
    """Positions 0, 1, 2, ... count the pads on the left as well."""
    return torch.arange(mask.shape[1]).expand(mask.shape).clone()


def one_too_many(mask: Mask) -> Ids:
    """The cumulative sum of the mask is used as it is: the first token gets position 1."""
    return mask.long().cumsum(dim=1)


LOGPROBS = (
    Bug(
        function=no_shift,
        looks="Ratios are 1 at the start, since both models are wrong alike; the loss moves, the "
        "reward does not, and the log-probs are far too low.",
        seen=("PrimeIntellect-ai/prime-rl#1525",),
    ),
    Bug(
        function=shifted_twice,
        looks="As without the shift: nothing fails, and what is made likelier is another token.",
    ),
    Bug(
        function=no_temperature,
        looks="Nothing is seen at temperature 1. Else the ratio is not 1 before the first update, "
        "and at low temperatures the estimated KL can go below 0.",
        seen=("huggingface/trl#3029", "OpenRLHF/OpenRLHF#853", "NVIDIA/NeMo-Aligner#46"),
    ),
    Bug(
        function=times_temperature,
        looks="Nothing is seen at temperature 1; else as if the temperature were its inverse.",
    ),
    Bug(
        function=raw_logits,
        looks="The loss can fall without end: all logits may rise together.",
    ),
    Bug(
        function=probabilities,
        looks="Log-probs between 0 and 1: ratios stay near 1, and rare tokens hardly learn.",
    ),
)
MASKS = (
    Bug(
        function=end_hidden,
        looks="Lengths grow until the limit: ending is in no loss. The rest is learned well.",
        seen=("huggingface/trl#6357", "deepseek-ai/DeepSeek-Coder#163"),
    ),
    Bug(
        function=all_tokens,
        looks="Short answers count for less than their padding; log-probs depend on the batch.",
        seen=("0xallam/Direct-Preference-Optimization#4",),
    ),
    Bug(function=inverted, looks="The loss is that of padding: flat, or NaN where there is none."),
    Bug(
        function=before_the_end,
        looks="As with pad = eos: texts never stop, everything else looks right.",
    ),
)
POSITIONS = (
    Bug(
        function=counted_from_the_left,
        looks="Right for a batch of one. Else log-probs depend on the longest prompt of the batch; "
        "models with relative positions do not mind, GPT-2 does.",
        seen=("huggingface/trl#6800", "OpenRLHF/OpenRLHF#217"),
    ),
    Bug(
        function=one_too_many,
        looks="Slightly worse log-probs everywhere, and an error at the full context only.",
    ),
)
