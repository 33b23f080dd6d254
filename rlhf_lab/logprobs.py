"""From logits to the log-probabilities of responses: the only shift by one.

A language model reads token t and predicts token t + 1. So the logits that judge the first
response token come from the last prompt token.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rlhf_lab import precision
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import only_column
from rlhf_lab.overwritten_logits import overwriting_token_logprobs
from rlhf_lab.responses import Responses
from rlhf_lab.settings import require_positive
from rlhf_lab.shapes import require_floats, require_ids


def token_logprobs(
    logits: Float[Tensor, "batch token vocab"], tokens: Int[Tensor, "batch token"]
) -> Float[Tensor, "batch token"]:
    """log softmax(logits_t)[token_t]: the logits must already be those that predict `tokens`.

    Raises ValueError unless there is one token for each row of logits.
    """
    require_floats("batch token vocab", logits=logits)
    require_ids("batch token", sizes=logits.shape[:2], tokens=tokens)
    return logits.log_softmax(dim=-1).gather(-1, tokens[..., None]).squeeze(-1)


def response_logits(model: nn.Module, responses: Responses) -> Float[Tensor, "batch token vocab"]:
    """Index t holds the logits that predict response token t, given the prompt and tokens < t.

    `model` is a causal language model with the interface of transformers. Position ids count
    real tokens only, so that the padding of a prompt changes nothing in a model that uses them:
    `compatibility.check_positions` tells. Dropout is as the model's mode has it: call .eval()
    outside of the package's loops.
    """
    ids = torch.cat([responses.prompts, responses.tokens], dim=1)[:, :-1]
    mask = torch.cat([responses.prompt_mask, responses.mask], dim=1)[:, :-1]
    with precision.of_matrices(ids.device):
        output = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions(mask),
            logits_to_keep=responses.tokens.shape[1],
            use_cache=False,
        )
    kept = output.logits[:, -responses.tokens.shape[1] :]  # also where it keeps all
    return precision.at_least_float32(kept)


def sampling_logits(
    model: nn.Module,
    responses: Responses,
    *,
    temperature: float = 1.0,
    min_tokens: int = 1,
    end_token: int | None = None,
) -> Float[Tensor, "batch token vocab"]:
    """The logits of the distribution that `rlhf_lab.sampling.sample` draws from.

    response_logits / temperature, with -∞ for an end before `min_tokens`. Raises ValueError unless
    0 < temperature < ∞.
    """
    require_positive(temperature=temperature)
    logits = response_logits(model, responses)
    logits = logits if temperature == 1 else logits / temperature
    return without_early_end(logits, min_tokens=min_tokens, end_token=end_token)


def response_logprobs(
    model: nn.Module,
    responses: Responses,
    *,
    temperature: float = 1.0,
    min_tokens: int = 1,
    end_token: int | None = None,
) -> Float[Tensor, "batch token"]:
    """log π(token t | prompt, tokens < t), with π = softmax(logits / temperature).

    `min_tokens` and `end_token` as given to `sample`, where it was given a minimum. Values at
    padded positions are of no meaning: reduce with `rlhf_lab.masked`.
    """
    logits = sampling_logits(
        model, responses, temperature=temperature, min_tokens=min_tokens, end_token=end_token
    )
    return logprobs_of(model, logits, responses.tokens)


def logprobs_of(
    model: nn.Module,
    logits: Float[Tensor, "batch token vocab"],
    tokens: Int[Tensor, "batch token"],
) -> Float[Tensor, "batch token"]:
    """`token_logprobs` of logits that the model has just computed and nobody needs afterwards."""
    score = overwriting_token_logprobs if isinstance(model, GPT2) else token_logprobs
    return score(logits, tokens)


def without_early_end(
    logits: Float[Tensor, "batch token vocab"], *, min_tokens: int, end_token: int | None
) -> Float[Tensor, "batch token vocab"]:
    """The logits with -∞ for `end_token` at the first min_tokens - 1 positions of the response.

    What sampling with a minimum length draws from. Log-probs that do not know it are not those of
    the policy that wrote the responses: the ratio is then not 1 and the estimated KL is negative.
    """
    if min_tokens < 2 or end_token is None:
        return logits
    early = torch.arange(logits.shape[1], device=logits.device) < min_tokens - 1
    is_end = torch.arange(logits.shape[2], device=logits.device) == end_token
    return logits.masked_fill(early[:, None] & is_end, -torch.inf)


def response_values(value_model: nn.Module, responses: Responses) -> Float[Tensor, "batch token"]:
    """V(prompt, tokens < t): what the value model expects before response token t is written.

    `value_model` gives one number at each position, as `rlhf_lab.models.ScalarModel` does.
    """
    return only_column(response_logits(value_model, responses))


def sequence_logprobs(model: nn.Module, responses: Responses) -> Float[Tensor, "batch"]:
    """log π(y|x) = Σ_t log π(y_t | x, y_<t): the sum over the response's real tokens."""
    return sum_over_tokens(response_logprobs(model, responses), responses.mask)


def positions(mask: Tensor) -> Tensor:
    """0, 1, 2, ... over the real tokens of each row, and 0 at the pads before them."""
    return (mask.long().cumsum(dim=1) - 1).clamp(min=0)
