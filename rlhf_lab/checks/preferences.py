"""Exercises on preferences: reward models, DPO, best of n."""

import torch
from torch import Tensor

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers, right_padded, with_noise_at_padding
from rlhf_lab.museum import choices
from rlhf_lab.museum import preferences as museum


def log_sigmoid(x: Tensor) -> Tensor:
    """log of 1 / (1 + e^-x)."""
    return -torch.log1p(torch.exp(-x))


def rankings(generator: torch.Generator) -> dict:
    """Scores of four responses to each of five prompts, best first."""
    return {"best_first": 2 * numbers(generator, 5, 4)}


def all_pairs_of_each(best_first):
    """Every pair of every ranking, one at a time; each prompt weighs the same."""
    losses = [
        -log_sigmoid(row[i] - row[j])
        for row in best_first
        for i in range(len(row))
        for j in range(i + 1, len(row))
    ]
    return sum(losses) / len(losses)


def scores_of_tokens(generator: torch.Generator) -> dict:
    """What a scalar head says at each position, pads included."""
    mask = right_padded(generator, 4, 6)
    return {
        "token_scores": with_noise_at_padding(numbers(generator, 4, 6), mask, generator),
        "mask": mask,
    }


def at_the_last_real_token(token_scores, mask):
    """One response at a time."""
    return torch.stack([row[real][-1] for row, real in zip(token_scores, mask, strict=True)])


def two_sides(generator: torch.Generator) -> dict:
    """Token log-probs of chosen (side 0) and rejected responses under policy and reference."""
    masks = torch.stack([right_padded(generator, 4, 6) for _ in range(2)])
    masks[1] = masks[1].flip(0)
    made = {
        name: with_noise_at_padding(-numbers(generator, 2, 4, 6).abs(), masks, generator)
        for name in ("policy", "reference")
    }
    return made | {"masks": masks, "beta": between(generator, 0.1, 0.5)}


def pair_by_pair(policy, reference, masks, beta):
    """Sum the log-ratios of real tokens, one pair at a time."""
    losses = []
    for pair in range(policy.shape[1]):
        rewards = []
        for side in (0, 1):
            real = masks[side, pair]
            log_ratios = policy[side, pair][real] - reference[side, pair][real]
            rewards.append(beta * sum(log_ratios))
        losses.append(-log_sigmoid(rewards[0] - rewards[1]))
    return sum(losses) / len(losses)


def gradient_by_differences(chosen_logratio, rejected_logratio, beta):
    """The slope of -log σ(β (chosen - rejected)) in the chosen log-ratio, by a small step."""
    step, margin = 1e-4, (chosen_logratio - rejected_logratio).double()
    left, right = log_sigmoid(beta * (margin - step)), log_sigmoid(beta * (margin + step))
    return (left - right) / (2 * step)


def log_ratios(generator: torch.Generator) -> dict:
    """Log-ratios of whole responses."""
    return {
        "chosen_logratio": 3 * numbers(generator, 6),
        "rejected_logratio": 3 * numbers(generator, 6),
        "beta": between(generator, 0.1, 0.9),
    }


def candidates(generator: torch.Generator) -> dict:
    """Scores of four responses to each of four prompts."""
    return {"scores": numbers(generator, 4, 4)}


def largest_of_each(scores):
    """One prompt at a time."""
    return torch.tensor([row.index(max(row)) for row in scores.tolist()])


ranking_loss = Exercise(
    name="ranking_loss",
    asks="-mean log σ(r_w - r_l) over all pairs of each ranking, best first",
    inputs=rankings,
    truth=all_pairs_of_each,
    bugs=museum.RANKING,
    gradient_in="best_first",
    replaces="losses.ranking_loss",
)
last_score = Exercise(
    name="last_score",
    asks="the score of each response: what the head says at its last real token",
    inputs=scores_of_tokens,
    truth=at_the_last_real_token,
    bugs=museum.LAST_SCORE,
)
dpo_loss = Exercise(
    name="dpo_loss",
    asks="DPO's loss from token log-probs; side 0 is chosen, side 1 rejected",
    inputs=two_sides,
    truth=pair_by_pair,
    bugs=museum.DPO,
    gradient_in="policy",
)
dpo_gradient = Exercise(
    name="dpo_gradient",
    asks="the slope of each pair's loss in the log-ratio of its chosen response",
    inputs=log_ratios,
    truth=gradient_by_differences,
    bugs=choices.DPO_GRADIENT,
    tolerance=2e-4,
)
best_of_n = Exercise(
    name="best_of_n",
    asks="for each prompt the number of the response with the highest score",
    inputs=candidates,
    truth=largest_of_each,
    bugs=choices.BEST_OF_N,
)
EXERCISES = (ranking_loss, last_score, dpo_loss, dpo_gradient, best_of_n)
