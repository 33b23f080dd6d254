"""Log-probs of tokens that take the memory of their logits: a third of what autograd needs.

For GPT-2's vocabulary the logits are the largest array of a step. This is the one place in the
package that writes to an argument.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def overwriting_token_logprobs(
    logits: Float[Tensor, "batch token vocab"], tokens: Int[Tensor, "batch token"]
) -> Float[Tensor, "batch token"]:
    """log softmax(logits_t)[token_t], as `logprobs.token_logprobs`; `logits` are lost.

    Nobody else may need them: give it what a model has just computed. Of it one derivative can be
    taken, once: ∂ log p(y) / ∂ logit_a = 1[a = y] - p(a). A second backward pass is an error,
    and so is a derivative of the derivative.
    """
    return _TokenLogprobs.apply(logits, tokens)


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, tokens: Tensor) -> Tensor:
        logprobs = torch.log_softmax(logits, dim=-1, out=logits)
        ctx.save_for_backward(logprobs, tokens)
        return logprobs.gather(-1, tokens[..., None]).squeeze(-1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        if torch.is_grad_enabled():  # as with create_graph=True
            raise RuntimeError(
                "log-probs that take the memory of their logits have one derivative and no second; "
                "take token_logprobs(response_logits(model, responses), responses.tokens)"
            )
        logprobs, tokens = ctx.saved_tensors
        gradient = gradient[..., None]
        return logprobs.exp_().mul_(-gradient).scatter_add_(-1, tokens[..., None], gradient), None
