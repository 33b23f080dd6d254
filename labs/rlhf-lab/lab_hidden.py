"""What the hidden tests ask. It goes into the autograder and into nothing that students get.

The exercises are those of `rlhf_lab.checks` on other shapes and another seed; the answers to the
questions are worked out here.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import torch

from rlhf_lab.checks import check
from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers, right_padded, with_noise_at_padding

SEED = 2026  # of the hidden inputs; `make lab-release SEED=...` writes another one here


def judge(name: str, function: Callable) -> str:
    """Say that the function is right, or raise CheckFailedError with what is wrong."""
    return check(hidden[name], function, seed=SEED)


def padded(generator: torch.Generator, mask: torch.Tensor, *names: str) -> dict:
    """Random numbers of the mask's shape under each name, with noise at the padding."""
    return {
        name: with_noise_at_padding(numbers(generator, *mask.shape), mask, generator)
        for name in names
    }


def longer_texts(generator):
    """Two texts of nine positions over seven words, and temperatures above 1."""
    return {
        "logits": numbers(generator, 2, 9, 7, scale=2.0),
        "ids": torch.randint(7, (2, 9), generator=generator),
        "prompt_length": int(torch.randint(2, 6, (), generator=generator)),
        "temperature": between(generator, 1.2, 2.0),
    }


def another_end(generator):
    """Five responses of eight tokens that end with word 2: in the middle, twice, at once, never."""
    tokens = torch.tensor([0, 1, 3, 4])[torch.randint(0, 4, (5, 8), generator=generator)]
    tokens[0, 4], tokens[1, 2], tokens[1, 6], tokens[2, 0], tokens[3, 7] = 2, 2, 2, 2, 2
    return {"tokens": tokens, "end_token": 2}


def many_tokens(generator):
    """Log-probs of five responses of three tokens under two policies."""
    names = ("policy_logprobs", "reference_logprobs")
    return {name: -1.5 * numbers(generator, 5, 3).abs() for name in names}


def small_target(generator):
    """A target far below 1, and a KL near it or far off."""
    target = between(generator, 0.01, 0.1)
    return {
        "beta": between(generator, 0.01, 5.0),
        "observed_kl": target * math.exp(between(generator, -1.0, 1.0)),
        "target_kl": target,
        "gain": between(generator, 0.1, 0.9),
    }


def wide_batch(generator):
    """Six rows of nine with a mean far from 0."""
    mask = right_padded(generator, 6, 9)
    x = 0.5 * numbers(generator, 6, 9) - 3
    return {"x": with_noise_at_padding(x, mask, generator), "mask": mask}


def long_episodes(generator):
    """Three responses of up to nine tokens."""
    mask = right_padded(generator, 3, 9)
    settings = {"gamma": between(generator, 0.8, 0.97), "lam": between(generator, 0.5, 0.95)}
    return padded(generator, mask, "rewards", "values") | {"mask": mask} | settings


def far_ratios(generator):
    """Three rows of three ratios, most of them far outside the range."""
    ratio, advantages = torch.exp(numbers(generator, 9)), 3 * numbers(generator, 9)
    ratio[:4] = torch.tensor([0.4, 0.4, 1.9, 1.9])
    advantages[:4] = torch.tensor([-2.5, 2.5, -2.5, 2.5])
    made = {"ratio": ratio.reshape(3, 3), "advantages": advantages.reshape(3, 3)}
    return made | {"epsilon": between(generator, 0.1, 0.4)}


def surrogate_of_rows(ratio, advantages, epsilon):
    """The answer to the exercise, which goes along one axis, for arrays of any shape."""
    along = exercises["clipped_surrogate"].truth
    return along(ratio.flatten(), advantages.flatten(), epsilon).reshape(ratio.shape)


def critic_batch(generator):
    """Three responses of up to nine tokens."""
    mask = right_padded(generator, 3, 9)
    made = padded(generator, mask, "values", "old_values", "returns")
    return made | {"mask": mask, "epsilon": between(generator, 0.1, 0.5)}


def rankings_of_any_length(generator):
    """Rankings of two (a pair, as Bradley and Terry have it) to six responses."""
    ranks = int(torch.randint(2, 7, (), generator=generator))
    return {"best_first": 2 * numbers(generator, 3, ranks)}


def longer_pairs(generator):
    """Three pairs of up to nine tokens."""
    masks = torch.stack([right_padded(generator, 3, 9) for _ in range(2)])
    masks[1] = masks[1].flip(0)
    made = padded(generator, masks, "policy", "reference")
    return made | {"masks": masks, "beta": between(generator, 0.05, 0.9)}


def many_log_ratios(generator):
    """Log-ratios of nine pairs."""
    made = {name: 2 * numbers(generator, 9) for name in ("chosen_logratio", "rejected_logratio")}
    return made | {"beta": between(generator, 0.2, 1.5)}


def right_or_wrong(generator):
    """Rewards of 0 and 1 in groups of six; one group is all right."""
    rewards = (torch.rand(4, 6, generator=generator) < 0.5).float()
    rewards[0], rewards[1, :2] = 1.0, torch.tensor([0.0, 1.0])
    return {"rewards": rewards}


def larger_update(generator):
    """Six responses of up to seven tokens."""
    mask = right_padded(generator, 6, 7)
    made = padded(generator, mask, "logprobs", "old_logprobs", "reference_logprobs", "advantages")
    made = {name: x if name == "advantages" else 0.4 * x - 1 for name, x in made.items()}
    settings = {"epsilon": between(generator, 0.1, 0.4), "beta": between(generator, 0.1, 1.0)}
    return made | {"mask": mask} | settings


def more_candidates(generator):
    """Six prompts, six responses each."""
    return {"scores": numbers(generator, 6, 6)}


def choice(name: str, right: object, why: str) -> Exercise:
    """A question with one right answer."""

    def law(got):
        if type(got).__name__ in ("ellipsis", "NoneType"):
            return f"no answer yet to {why}"
        if isinstance(got, torch.Tensor | tuple):
            got = got.tolist() if isinstance(got, torch.Tensor) else list(got)
        if isinstance(got, str):
            got = got.strip().lower()
        return "" if got == right else f"{got!r} is not right for {why}"

    return Exercise(name=name, asks=why, inputs=lambda generator: {}, law=law, cases=1)


def number(name: str, asks: str, right: Callable[[], object], tolerance: float = 2e-4) -> Exercise:
    """A question whose answer is a number, to about four decimals."""
    settings = {"inputs": lambda generator: {}, "truth": right, "cases": 1}
    return Exercise(name=name, asks=asks, tolerance=tolerance, **settings)


OTHER_SHAPES = {
    "response_logprobs": longer_texts,
    "response_mask": another_end,
    "k1": many_tokens,
    "k2": many_tokens,
    "k3": many_tokens,
    "adapted_kl_coef": small_target,
    "whiten": wide_batch,
    "gae": long_episodes,
    "clipped_surrogate": far_ratios,
    "clipped_value_loss": critic_batch,
    "ranking_loss": rankings_of_any_length,
    "dpo_loss": longer_pairs,
    "dpo_gradient": many_log_ratios,
    "group_outcome_advantages": right_or_wrong,
    "grpo_loss": larger_update,
    "best_of_n": more_candidates,
}
P, Q = (0.5, 0.2, 0.2, 0.1), (0.4, 0.3, 0.2, 0.1)  # the two policies of the question on estimators
ANSWERS = (
    number(
        "exact", "KL(p ‖ q)", lambda: sum(p * math.log(p / q) for p, q in zip(P, Q, strict=True))
    ),
    choice("can_be_negative", "k1", "the estimator that goes below 0"),
    choice("biased", "k2", "the estimator whose mean is not the KL"),
    choice("flat", [True, False, False, True], "the terms that are flat"),
    number("loss_at_start", "DPO's loss before the first step", lambda: math.log(2)),
    number("slope_at_start", "its slope at β = 0.1", lambda: -0.1 / 2),
    number("factor", "the margin of a sum over that of a mean, at 40 tokens", lambda: 40.0),
    choice("scale_matters", False, "the scale of the rewards"),
    choice("larger_beta", "lower", "the effect of a larger β"),
    number(
        "advantage_of_two",
        "the advantage of the better of two",
        lambda: 1 / math.sqrt(2),
        tolerance=1e-3,  # the 1e-4 beside the std takes more the closer the rewards are
    ),
)
hidden = {name: replace(exercises[name], inputs=made) for name, made in OTHER_SHAPES.items()}
hidden["clipped_surrogate"] = replace(hidden["clipped_surrogate"], truth=surrogate_of_rows)
hidden |= {answer.name: answer for answer in ANSWERS}
