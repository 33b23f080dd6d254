"""Mistakes in rewards of tokens, advantages and returns."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Tokens, Mask, Scores = (
    Float[Tensor, "batch token"],
    Bool[Tensor, "batch token"],
    Float[Tensor, "batch"],
)


def last_real(mask: Tensor) -> Tensor:
    """True at the last real token of each row."""
    return mask & ~torch.nn.functional.pad(mask[:, 1:], (0, 1))


def score_at_the_last_position(scores: Scores, kl: Tokens, mask: Mask, *, beta: float) -> Tokens:
    """The score is put at the last position of the batch, which is padding in short responses."""
    rewards = -beta * kl * mask
    rewards[:, -1] += scores
    return rewards


def score_after_the_end(scores: Scores, kl: Tokens, mask: Mask, *, beta: float) -> Tokens:
    """The score is put one position behind the last real token, where there is one."""
    after = torch.nn.functional.pad(last_real(mask)[:, :-1], (1, 0))
    place = torch.where(mask.all(dim=1, keepdim=True), last_real(mask), after)
    return -beta * kl * mask + place * scores[:, None]


def score_at_every_token(scores: Scores, kl: Tokens, mask: Mask, *, beta: float) -> Tokens:
    """Every token gets the whole score, so that long responses earn more."""
    return (scores[:, None] - beta * kl) * mask


def penalty_is_a_bonus(scores: Scores, kl: Tokens, mask: Mask, *, beta: float) -> Tokens:
    """The KL is added to the reward instead of subtracted."""
    return beta * kl * mask + last_real(mask) * scores[:, None]


def padding_is_penalised(scores: Scores, kl: Tokens, mask: Mask, *, beta: float) -> Tokens:
    """The KL of padded positions is counted too."""
    return -beta * kl + last_real(mask) * scores[:, None]


def recursion(rewards: Tensor, values: Tensor, following: Tensor, discount: float, trace: float):
    """Â_t = r_t + discount V_{t+1} - V_t + trace Â_{t+1}, from the back."""
    advantages = [torch.zeros_like(rewards[:, 0])]
    for t in reversed(range(rewards.shape[1])):
        error = rewards[:, t] + discount * following[:, t] - values[:, t]
        advantages.append(error + trace * advantages[-1])
    return torch.stack(advantages[:0:-1], dim=1)


def masked(rewards: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rewards, values and the values that follow, 0 at padding."""
    values = values * mask
    return rewards * mask, values, torch.nn.functional.pad(values[:, 1:], (0, 1))


def no_gamma(rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float) -> Tokens:
    """The next value is not discounted: γ stands before the sum only."""
    return recursion(*masked(rewards, values, mask), 1.0, gamma * lam)


def no_lambda(rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float) -> Tokens:
    """λ is forgotten: the advantage of the next token is discounted by γ alone."""
    return recursion(*masked(rewards, values, mask), gamma, gamma)


def lambda_alone(
    rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float
) -> Tokens:
    """The advantage of the next token is discounted by λ and not by γ λ."""
    return recursion(*masked(rewards, values, mask), gamma, lam)


def past_the_end(
    rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float
) -> Tokens:
    """The last token looks at the value of a padded position, as if the text went on."""
    following = torch.nn.functional.pad(values[:, 1:], (0, 1))
    return recursion(rewards * mask, values * mask, following * mask, gamma, gamma * lam) * mask


def no_values_ahead(
    rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float
) -> Tokens:
    """The next value is left out: reward minus value, summed up."""
    rewards, values, following = masked(rewards, values, mask)
    return recursion(rewards, values, 0 * following, gamma, gamma * lam)


def forwards(rewards: Tokens, values: Tokens, mask: Mask, *, gamma: float, lam: float) -> Tokens:
    """The recursion runs from the first token to the last: advantages look back."""
    flipped = [x.flip(1) for x in masked(rewards, values, mask)]
    return recursion(*flipped, gamma, gamma * lam).flip(1)


def returns_of_whitened(advantages: Tokens, values: Tokens, mask: Mask) -> Tokens:
    """The returns are made of advantages that have been whitened already."""
    real = advantages[mask]
    return ((advantages - real.mean()) / real.std() + values) * mask


def returns_without_values(advantages: Tokens, values: Tokens, mask: Mask) -> Tokens:
    """The critic is fitted to the advantages: the values are not added back."""
    return advantages * mask


WORKS = "Learning works where discount and trace are near 1, as they are for language models."
TOKEN_REWARDS = (
    Bug(
        function=score_at_the_last_position,
        looks="Short responses earn nothing; the policy learns to fill the limit.",
    ),
    Bug(
        function=score_after_the_end,
        looks="With GAE over all positions nearly right; with a mask the score is lost.",
        seen=("huggingface/trl#3750", "huggingface/trl#1893"),
    ),
    Bug(function=score_at_every_token, looks="Reward and length rise together."),
    Bug(function=penalty_is_a_bonus, looks="The KL runs away, the reward follows it at first."),
    Bug(function=padding_is_penalised, looks="Noise that grows with the padding of a batch."),
)
GAE = (
    Bug(function=no_gamma, looks=WORKS),
    Bug(function=no_lambda, looks="More variance: it is λ = 1 whatever was set."),
    Bug(function=lambda_alone, looks=WORKS),
    Bug(
        function=past_the_end,
        looks="Endings are paid by whatever the critic says of padding. As long as that is near 0 "
        "nothing is seen.",
        seen=("alibaba/ROLL#447", "RoboVerseOrg/RoboVerse#814"),
    ),
    Bug(function=no_values_ahead, looks="Early tokens look bad, since each value is paid again."),
    Bug(function=forwards, looks="The score reaches the last token only."),
)
RETURNS = (
    Bug(
        function=returns_of_whitened,
        looks="The critic learns how states differ, but not the mean: the mean raw advantage stays "
        "off 0. Where returns vary by much less than 1, each fit goes too far.",
    ),
    Bug(function=returns_without_values, looks="Values stop at about half the return."),
)
