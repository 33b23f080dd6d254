"""Mistakes in the losses of PPO."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Items, Tokens = Float[Tensor, "*item"], Float[Tensor, "batch token"]
Mask, Loss = Bool[Tensor, "batch token"], Float[Tensor, ""]


def no_advantage_beside_the_clip(ratio: Items, advantages: Items, epsilon: float) -> Items:
    """The clipped term lacks the advantage, as the course notes print it."""
    return torch.minimum(ratio * advantages, ratio.clamp(1 - epsilon, 1 + epsilon))


def maximum(ratio: Items, advantages: Items, epsilon: float) -> Items:
    """The larger of the two terms is taken: the bound is on the wrong side."""
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
    return torch.maximum(ratio * advantages, clipped * advantages)


def only_the_clipped_term(ratio: Items, advantages: Items, epsilon: float) -> Items:
    """The minimum is left out: a token that left the range on the bad side cannot come back."""
    return ratio.clamp(1 - epsilon, 1 + epsilon) * advantages


def clipped_above_only(ratio: Items, advantages: Items, epsilon: float) -> Items:
    """The ratio is clipped above only, whatever the sign: a bad action is never clipped."""
    return torch.minimum(ratio * advantages, ratio.clamp(max=1 + epsilon) * advantages)


def advantage_clipped(ratio: Items, advantages: Items, epsilon: float) -> Items:
    """The product of ratio and advantage is clipped instead of the ratio."""
    product = ratio * advantages
    return torch.minimum(product, product.clamp(1 - epsilon, 1 + epsilon))


def log_ratio(ratio: Items, advantages: Items, epsilon: float) -> Items:
    """The logarithm of the ratio is in the place of the ratio."""
    inside = ratio.clamp(1 - epsilon, 1 + epsilon)
    return torch.minimum(ratio.log() * advantages, inside.log() * advantages)


def _value_loss(first: Tensor, second: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    worse = torch.maximum((first - returns) ** 2, (second - returns) ** 2)
    return worse[mask].mean() / 2


def smaller_error(
    values: Tokens, old_values: Tokens, returns: Tokens, mask: Mask, *, epsilon: float
) -> Loss:
    """The smaller of the two errors is taken: a value that ran off has no gradient back."""
    near = torch.clamp(values, old_values - epsilon, old_values + epsilon)
    return torch.minimum((values - returns) ** 2, (near - returns) ** 2)[mask].mean() / 2


def clipped_around_zero(
    values: Tokens, old_values: Tokens, returns: Tokens, mask: Mask, *, epsilon: float
) -> Loss:
    """The value itself is clipped to ±ε, and not its distance from the old value."""
    return _value_loss(values, values.clamp(-epsilon, epsilon), returns, mask)


def clipped_around_the_return(
    values: Tokens, old_values: Tokens, returns: Tokens, mask: Mask, *, epsilon: float
) -> Loss:
    """The value is clipped to the neighbourhood of the return, and not of the old value."""
    near = torch.clamp(values, returns - epsilon, returns + epsilon)
    return _value_loss(values, near, returns, mask)


def no_half(
    values: Tokens, old_values: Tokens, returns: Tokens, mask: Mask, *, epsilon: float
) -> Loss:
    """The factor one half is missing."""
    near = torch.clamp(values, old_values - epsilon, old_values + epsilon)
    return 2 * _value_loss(values, near, returns, mask)


SURROGATE = (
    Bug(
        function=no_advantage_beside_the_clip,
        looks="Reward rises all the same at first; bad actions are pushed down without a limit and "
        "steps go far from the old policy.",
    ),
    Bug(
        function=maximum,
        looks="No trust region: as without clipping, and worse, since what left the range on the "
        "bad side gets no gradient back.",
    ),
    Bug(
        function=only_the_clipped_term,
        looks="Works with one epoch. With more, tokens get stuck outside the range.",
    ),
    Bug(
        function=clipped_above_only,
        looks="Half a trust region: the KL of a step grows through bad actions; at small rates "
        "nothing is seen.",
    ),
    Bug(
        function=advantage_clipped,
        looks="Products of ratio and advantage below 0 are never clipped; those above 1 + ε are, "
        "whatever the ratio.",
    ),
    Bug(
        function=log_ratio,
        looks="The first gradient is right, so one epoch works; then good actions are held back.",
    ),
)
VALUE_LOSS = (
    Bug(
        function=smaller_error,
        looks="Values that moved away from the return by more than ε cannot come back.",
        seen=("ray-project/ray#2233",),
    ),
    Bug(function=clipped_around_zero, looks="Right while all values are small."),
    Bug(function=clipped_around_the_return, looks="As if nothing were clipped."),
    Bug(function=no_half, looks="As a value coefficient twice as large."),
)
