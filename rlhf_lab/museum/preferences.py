"""Mistakes in the losses on preferences: reward models and DPO."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.museum.bug import Bug

Ranked, Scalar = Float[Tensor, "batch rank"], Float[Tensor, ""]
Tokens, Mask = Float[Tensor, "batch token"], Bool[Tensor, "batch token"]
Scores = Float[Tensor, "batch"]


def pairs(best_first: Tensor) -> Tensor:
    """log σ(r_w - r_l) of all pairs, a column each."""
    winner, loser = torch.triu_indices(best_first.shape[1], best_first.shape[1], offset=1)
    return logsigmoid(best_first[:, winner] - best_first[:, loser])


def normalised_twice(best_first: Ranked) -> Scalar:
    """The mean over the pairs is divided by their number once more, as it is printed."""
    found = pairs(best_first)
    return -found.mean() / found.shape[1]


def neighbours_only(best_first: Ranked) -> Scalar:
    """Only neighbours in the ranking are compared: K - 1 pairs and not K (K - 1) / 2."""
    return -logsigmoid(best_first[:, :-1] - best_first[:, 1:]).mean()


def sum_over_pairs(best_first: Ranked) -> Scalar:
    """The pairs of a prompt are summed, so that prompts with more responses weigh more."""
    return -pairs(best_first).sum(dim=1).mean()


def loser_minus_winner(best_first: Ranked) -> Scalar:
    """The difference is the other way round: the model learns to prefer what people reject."""
    return -pairs(best_first.flip(1)).mean()


def no_logarithm(best_first: Ranked) -> Scalar:
    """The probability is maximised and not its logarithm: hopeless pairs get no gradient."""
    return -pairs(best_first).exp().mean()


def at_the_last_position(token_scores: Tokens, mask: Mask) -> Scores:
    """The score is read at the last position of the batch, which is padding in short texts."""
    return token_scores[:, -1]


def at_the_first_pad(token_scores: Tokens, mask: Mask) -> Scores:
    """The score is read one position behind the last real token."""
    place = mask.sum(dim=1).clamp(max=mask.shape[1] - 1)
    return token_scores.gather(1, place[:, None]).squeeze(1)


def mean_of_the_scores(token_scores: Tokens, mask: Mask) -> Scores:
    """The mean over all tokens: the head is read where it has not seen the whole text."""
    return (token_scores * mask).sum(dim=1) / mask.sum(dim=1)


def _dpo(implicit: Tensor) -> Tensor:
    return -logsigmoid(implicit[0] - implicit[1]).mean()


def _log_ratios(policy: Tensor, reference: Tensor, masks: Tensor) -> Tensor:
    return ((policy - reference) * masks).sum(dim=-1)


Sides, SideMasks = Float[Tensor, "side batch token"], Bool[Tensor, "side batch token"]


def mean_for_sum(policy: Sides, reference: Sides, masks: SideMasks, *, beta: float) -> Scalar:
    """The mean of the token log-probs is in the place of their sum."""
    return _dpo(beta * _log_ratios(policy, reference, masks) / masks.sum(dim=-1))


def mean_over_padding(policy: Sides, reference: Sides, masks: SideMasks, *, beta: float) -> Scalar:
    """The mean over all positions, padding included, is in the place of the sum."""
    return _dpo(beta * _log_ratios(policy, reference, masks) / masks.shape[-1])


def padding_summed(policy: Sides, reference: Sides, masks: SideMasks, *, beta: float) -> Scalar:
    """The log-probs of padded positions are summed as well."""
    return _dpo(beta * (policy - reference).sum(dim=-1))


def no_reference(policy: Sides, reference: Sides, masks: SideMasks, *, beta: float) -> Scalar:
    """The reference is left out: likely responses count as good ones."""
    return _dpo(beta * (policy * masks).sum(dim=-1))


def beta_outside(policy: Sides, reference: Sides, masks: SideMasks, *, beta: float) -> Scalar:
    """β multiplies the loss and not the difference of rewards."""
    return beta * _dpo(_log_ratios(policy, reference, masks))


def sides_swapped(policy: Sides, reference: Sides, masks: SideMasks, *, beta: float) -> Scalar:
    """Chosen and rejected have changed places."""
    return _dpo(beta * _log_ratios(policy, reference, masks).flip(0))


RANKING = (
    Bug(function=normalised_twice, looks="Slower by the number of pairs; Adam hides it."),
    Bug(function=neighbours_only, looks="A little noisier: information is thrown away."),
    Bug(function=sum_over_pairs, looks="As a larger rate, and more so for long rankings."),
    Bug(function=loser_minus_winner, looks="Accuracy falls below one half; the loss looks right."),
    Bug(function=no_logarithm, looks="Learns easy pairs; clear mistakes stay."),
)
LAST_SCORE = (
    Bug(
        function=at_the_last_position,
        looks="The score of a text depends on the others in its batch; right for a batch of one.",
        seen=("allenai/reward-bench#154", "huggingface/trl#937"),
    ),
    Bug(
        function=at_the_first_pad,
        looks="Harmless where the end token is written twice; else the head sees a pad.",
        seen=("EleutherAI/gpt-neox#1285",),
    ),
    Bug(function=mean_of_the_scores, looks="Learns more slowly, and ends a little lower."),
)
DPO = (
    Bug(
        function=mean_for_sum,
        looks="Rewards are small and margins grow slowly; with a β as for sums the policy moves "
        "far and texts break. Lengths stop mattering, which some call a feature.",
        seen=("huggingface/trl#789", "jingyaogong/minimind#659"),
    ),
    Bug(
        function=mean_over_padding,
        looks="As a β that changes with the longest response of the batch.",
        seen=("jingyaogong/minimind#298",),
    ),
    Bug(
        function=padding_summed,
        looks="Margins depend on the lengths in the batch.",
        seen=("0xallam/Direct-Preference-Optimization#4",),
    ),
    Bug(
        function=no_reference, looks="The loss does not start at ln 2; accuracy moves all the same."
    ),
    Bug(function=beta_outside, looks="As β = 1 at a smaller rate: far too close to the reference."),
    Bug(function=sides_swapped, looks="The loss falls as it should; the texts get worse."),
)
