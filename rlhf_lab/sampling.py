"""Rollouts: responses drawn from a policy, token by token, and the best of several."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_lab import precision, processes
from rlhf_lab.compatibility import (
    check_device,
    check_length,
    check_prompts,
    check_vocabulary,
    vocabulary_of,
)
from rlhf_lab.decoding import reader
from rlhf_lab.draws import drawn
from rlhf_lab.dropout import without_dropout
from rlhf_lab.logprobs import without_early_end
from rlhf_lab.responses import Responses, Rollout
from rlhf_lab.settings import require_count, require_positive

LOOK_EVERY = {"cuda": 16}
"""tokens: to see whether all have ended, and to give it random numbers, the host waits for a GPU"""


@torch.no_grad()
def sample(
    model: nn.Module,
    prompts: Int[Tensor, "batch prompt"],
    prompt_mask: Bool[Tensor, "batch prompt"],
    *,
    max_tokens: int,
    end_token: int | None,
    generator: torch.Generator,
    temperature: float = 1.0,
    min_tokens: int = 1,
    rows: slice | None = None,
) -> Rollout:
    """One response to each prompt, y_t ~ softmax(logits / temperature), with its log-probs.

    A response ends with its first `end_token`, which belongs to it, or after `max_tokens`; with
    None every response has `max_tokens` tokens. Before `min_tokens` the end token has probability
    0. No top-k, no top-p: the log-probs are those of the distribution sampled from. With `rows`
    only those are answered, with the random numbers that they have in the whole batch, while other
    processes answer the others. Raises ValueError where settings, prompts and model do not fit,
    FloatingPointError for logits of NaN.
    """
    settings = {"max_tokens": max_tokens, "min_tokens": min_tokens, "end_token": end_token}
    check_sampling(model, prompts, prompt_mask, temperature=temperature, **settings)
    size, own = len(prompts), slice(None) if rows is None else rows
    prompts, prompt_mask = prompts[own], prompt_mask[own]
    alive = torch.ones_like(prompts[:, 0], dtype=torch.bool)
    look_every = LOOK_EVERY.get(prompts.device.type, 1)
    tokens, logprobs, mask = [], [], []
    with without_dropout(model), precision.of_matrices(prompts.device):
        read = reader(model, prompts, prompt_mask, max_tokens=max_tokens)
        for count in range(max_tokens):
            logits = precision.at_least_float32(read.after(tokens[-1]) if tokens else read.logits)
            logits = logits if temperature == 1 else logits / temperature
            logits = without_early_end(logits, min_tokens=min_tokens - count, end_token=end_token)
            if count % look_every == 0:
                uniform = torch.rand(
                    min(look_every, max_tokens - count), size, 1,
                    generator=generator, dtype=logits.dtype, device=generator.device,
                )[:, own].to(logits.device)  # fmt: skip
            token, logprob = drawn(logits[:, 0], uniform[count % look_every])
            tokens.append(token)
            logprobs.append(logprob)
            mask.append(alive)
            if end_token is not None:
                alive = alive & (token != end_token)
                if (count + 1) % look_every == 0 and not _in_any(alive.any(), rows):
                    break
    written = int(_in_any(torch.stack(mask).any(dim=1), rows).sum())
    tokens, logprobs, mask = (torch.stack(x[:written], 1) for x in (tokens, logprobs, mask))
    return Rollout(Responses(prompts, prompt_mask, tokens, mask), _of_numbers(logprobs))


def best_of_n(responses: Responses, rewards: Float[Tensor, "batch"], *, n: int) -> Responses:
    """Of every `n` rows that follow each other, the one of highest reward; the first of a tie.

    Give the n responses to one prompt in n consecutive rows: `prompts.repeat_interleave(n, 0)`.
    The KL to the policy that wrote them is at most log n - (n - 1) / n nats, and nears that where
    no single response is likely and none tie (Beirami et al. 2024). Raises ValueError where n does
    not divide, FloatingPointError for a reward of NaN.
    """
    require_count(n=n)
    if rewards.shape != (len(responses),) or len(rewards) % n:
        raise ValueError(
            f"need one reward a response and a multiple of n = {n} rows, got rewards of shape "
            f"{tuple(rewards.shape)} for {len(responses)} responses"
        )
    if rewards.isnan().any():
        raise FloatingPointError(f"no best among rewards of NaN, got {rewards.tolist()[:8]}")
    best = rewards.view(-1, n).argmax(dim=1)
    return responses[torch.arange(len(best), device=best.device) * n + best]


def check_sampling(
    model: nn.Module,
    prompts: Int[Tensor, "batch prompt"],
    prompt_mask: Bool[Tensor, "batch prompt"],
    *,
    max_tokens: int,
    min_tokens: int,
    end_token: int | None,
    temperature: float,
) -> None:
    """Raise ValueError where `sample` could not work; a loop calls it before its first step."""
    require_count(max_tokens=max_tokens, min_tokens=min_tokens)
    require_positive(temperature=temperature)
    check_prompts(prompts, prompt_mask)
    check_device(model, "prompts", prompts)
    check_vocabulary(model, "prompts", prompts)
    vocabulary = vocabulary_of(model)
    if end_token is not None and end_token not in range(vocabulary):
        raise ValueError(
            f"end_token must be a whole number in 0..{vocabulary - 1}, the model's vocabulary, got "
            f"{end_token}; no response would ever end"
        )
    if min_tokens > max_tokens:
        raise ValueError(f"min_tokens = {min_tokens} is more than max_tokens = {max_tokens}")
    check_length(model, "prompts and max_tokens", prompts.shape[1] + max_tokens)


def _of_numbers(logprobs: Float[Tensor, "batch token"]) -> Float[Tensor, "batch token"]:
    """The log-probs; raise FloatingPointError if one is NaN, as all are where a logit is."""
    if logprobs.isnan().any():
        raise FloatingPointError(
            "the model's logits hold NaN, or +∞, or nothing but -∞, so there is nothing to sample "
            "from; look at its weights"
        )
    return logprobs


def _in_any(of_rows: Bool[Tensor, "*item"], rows: slice | None) -> Bool[Tensor, "*item"]:
    """Whether it holds here or, where the rows are shared out, in any process."""
    return of_rows if rows is None else processes.summed(of_rows) > 0
