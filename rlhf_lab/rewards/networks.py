"""Reward models: what a network says of a response, as a whole and token by token.

Explicit ones are networks with a number at each position (`models.ScalarModel`, or `models.Table`
in the exact world); implicit ones are a policy and its reference. Pointwise ones give each response
a number; for pairs see `preferencewise`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab import precision
from rlhf_lab.gpt2 import GPT2Trunk
from rlhf_lab.logprobs import positions, response_logprobs
from rlhf_lab.masked import sum_over_tokens, zero_at_padding
from rlhf_lab.models import ScalarModel, only_column
from rlhf_lab.responses import Responses
from rlhf_lab.settings import require_positive, require_seed

Rewards = Float[Tensor, "batch"]


def reward_model(language_model: nn.Module, *, seed: int, columns: int = 1) -> ScalarModel:
    """An explicit reward model: a copy of the trunk, in which every weight learns, and a new head.

    The head's weights are N(0, 1/(d+1)), d the trunk's width, and its bias is 0 (Stiennon et al.
    2020, from the code). `columns` numbers at each position: 1, or 2k for `preferencewise`.
    """
    require_seed(seed=seed)
    model = ScalarModel(language_model)
    width, weight = model.head.in_features, model.head.weight
    like = {"device": weight.device, "dtype": weight.dtype}
    model.head = nn.utils.skip_init(nn.Linear, width, columns, **like)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        drawn = torch.randn(columns, width, generator=generator, dtype=weight.dtype)
        model.head.weight.copy_(drawn / (width + 1) ** 0.5)
        model.head.bias.zero_()
    return model


def token_outputs(model: nn.Module, responses: Responses) -> Float[Tensor, "batch token column"]:
    """Index t holds what the network says after it has read response token t."""
    length = responses.tokens.shape[1]
    return _outputs(model, responses, logits_to_keep=length)[:, -length:]


def last_outputs(model: nn.Module, responses: Responses) -> Float[Tensor, "batch column"]:
    """What the network says after the last real token of prompt and response."""
    last, length = responses.mask.sum(dim=1) - 1, responses.tokens.shape[1]
    if isinstance(getattr(model, "trunk", None), GPT2Trunk):  # spares the others the last layer
        return _outputs(model, responses, logits_to_keep=length, only=last)[:, 0]
    return token_outputs(model, responses)[torch.arange(len(responses)), last]


def _outputs(model, responses, **asked) -> Float[Tensor, "batch position column"]:
    mask = torch.cat([responses.prompt_mask, responses.mask], dim=1)
    with precision.of_matrices(mask.device):
        output = model(
            input_ids=torch.cat([responses.prompts, responses.tokens], dim=1),
            attention_mask=mask,
            position_ids=positions(mask),
            use_cache=False,
            **asked,
        )
    if output.logits.dim() != 3:
        raise ValueError(
            "a network must answer at each position, with logits (batch, position, column), got "
            f"shape {tuple(output.logits.shape)}; make it with reward_model"
        )
    return precision.at_least_float32(output.logits)


def response_rewards(model: nn.Module, responses: Responses) -> Rewards:
    """r(x, y), read after the last token: response-level, pointwise (Ouyang et al. 2022)."""
    return only_column(last_outputs(model, responses))


def token_level_rewards(model: nn.Module, responses: Responses) -> Float[Tensor, "batch token"]:
    """r(x, y_≤t) for each token, 0 at the pads: token-level."""
    return zero_at_padding(only_column(token_outputs(model, responses)), responses.mask)


def summed_token_rewards(model: nn.Module, responses: Responses) -> Rewards:
    """Σ_t r(x, y_≤t): a response's reward as the sum of its tokens', fitted to whole responses."""
    return sum_over_tokens(token_level_rewards(model, responses), responses.mask)


def implicit_token_rewards(
    policy: nn.Module, reference: nn.Module, responses: Responses, *, beta: float
) -> Float[Tensor, "batch token"]:
    """β [log π(y_t | x, y_<t) - log ref(y_t | x, y_<t)], 0 at the pads: no network but the policy.

    They sum to the implicit reward of the response (Rafailov et al. 2024, "From r to Q*", Eq. 11).
    Raises ValueError unless β > 0.
    """
    require_positive(beta=beta)
    ratio = response_logprobs(policy, responses) - response_logprobs(reference, responses)
    return zero_at_padding(beta * ratio, responses.mask)
