"""What to watch while a policy learns: clipping, entropy, the critic's fit. No gradients here.

Each function raises ValueError where its arrays are not of the annotated shapes, or are no floats.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rlhf_lab.losses import probability_ratio
from rlhf_lab.masked import masked_mean
from rlhf_lab.settings import require_positive
from rlhf_lab.shapes import require_floats, require_ids, require_tokens

AT_A_TIME = {"cpu": 2**22, "cuda": 2**26}  # numbers: that stay near a processor; that fill a GPU


@torch.no_grad()
def clip_fraction(
    logprobs: Float[Tensor, "batch token"],
    old_logprobs: Float[Tensor, "batch token"],
    advantages: Float[Tensor, "batch token"],
    mask: Bool[Tensor, "batch token"],
    *,
    epsilon: float,
) -> Float[Tensor, ""]:
    """The share of real tokens that the clip of `clipped_surrogate` leaves without gradient.

    Those with Â > 0 and ρ > 1+ε, or Â < 0 and ρ < 1-ε. Raises ValueError unless 0 < ε < ∞.
    """
    require_positive(epsilon=epsilon)
    require_tokens(mask, advantages=advantages)
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    risen = (advantages > 0) & (ratio > 1 + epsilon)
    fallen = (advantages < 0) & (ratio < 1 - epsilon)
    return masked_mean((risen | fallen).to(ratio.dtype), mask)


@torch.no_grad()
def share_outside(
    logprobs: Float[Tensor, "batch token"],
    old_logprobs: Float[Tensor, "batch token"],
    mask: Bool[Tensor, "batch token"],
    *,
    epsilon: float,
) -> Float[Tensor, ""]:
    """The share of real tokens with |ρ - 1| > ε, on whichever side: clipping does not bound ρ.

    Raises ValueError unless 0 < ε < ∞.
    """
    require_positive(epsilon=epsilon)
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    return masked_mean(((ratio - 1).abs() > epsilon).to(ratio.dtype), mask)


@torch.no_grad()
def entropy(logits: Float[Tensor, "*item vocab"]) -> Float[Tensor, "*item"]:
    """-Σ_a π(a) log π(a) in nats; a token of probability 0 adds nothing."""
    logprobs = logits.log_softmax(dim=-1)
    return -torch.xlogy(logprobs.exp(), logprobs.exp()).sum(dim=-1)


@torch.no_grad()
def compared(
    policy_logits: Float[Tensor, "batch token vocab"],
    reference_logits: Float[Tensor, "batch token vocab"],
    tokens: Int[Tensor, "batch token"],
) -> Float[Tensor, "batch 4 token"]:
    """log π(y_t), log ref(y_t), KL(π ‖ ref) and the entropy of π, one below the other.

    `token_logprobs`, `kl.exact_kl` and `entropy` in one: both log-softmaxes are taken once, and of
    a large vocabulary a few rows at a time.
    """
    both = {"policy_logits": policy_logits, "reference_logits": reference_logits}
    require_floats("batch token vocab", **both)
    require_ids("batch token", sizes=policy_logits.shape[:2], tokens=tokens)
    most = AT_A_TIME.get(policy_logits.device.type, 2**22)
    rows = max(1, most // policy_logits[0].numel())
    parts = zip(*(x.split(rows) for x in (policy_logits, reference_logits, tokens)), strict=True)
    return torch.cat([_compared(*part) for part in parts])


def _compared(policy_logits: Tensor, reference_logits: Tensor, tokens: Tensor) -> Tensor:
    logprobs, reference = policy_logits.log_softmax(dim=-1), reference_logits.log_softmax(dim=-1)
    probabilities = logprobs.exp()
    log_ratio = torch.where(policy_logits == -torch.inf, 0, logprobs - reference)
    chosen = (x.gather(-1, tokens[..., None]).squeeze(-1) for x in (logprobs, reference))
    kl = (probabilities * log_ratio).sum(dim=-1)
    return torch.stack([*chosen, kl, -torch.xlogy(probabilities, probabilities).sum(dim=-1)], 1)


@torch.no_grad()
def explained_variance(
    values: Float[Tensor, "batch token"],
    returns: Float[Tensor, "batch token"],
    mask: Bool[Tensor, "batch token"],
) -> Float[Tensor, ""]:
    """1 - Var(R - V) / Var(R) over real tokens: 0 for a constant critic, 1 if every R is guessed.

    No critic can do that where returns vary after the same text: exact values reach Var(V) over
    Var(R). Below 0 the critic is worse than no critic. Returns that are all equal have no variance
    to explain: the result is then NaN or -∞. A constant that all values are off by is not seen.
    """
    require_tokens(mask, values=values, returns=returns)
    return 1 - _variance(returns - values, mask) / _variance(returns, mask)


def _variance(x: Tensor, mask: Tensor) -> Tensor:
    return masked_mean((x - masked_mean(x, mask)) ** 2, mask)
