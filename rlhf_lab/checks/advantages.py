"""Exercises on rewards of tokens, advantages and returns."""

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers, right_padded, with_noise_at_padding
from rlhf_lab.museum import advantages as museum


def scored_responses(generator: torch.Generator) -> dict:
    """Scores of responses, and an estimate of the KL at each token."""
    mask = right_padded(generator, 4, 5)
    return {
        "scores": numbers(generator, 4, scale=2.0),
        "kl": with_noise_at_padding(numbers(generator, 4, 5), mask, generator),
        "mask": mask,
        "beta": between(generator, 0.1, 1.0),
    }


def penalty_and_score(scores, kl, mask, beta):
    """Token by token; the score comes with the last real one."""
    rows = torch.zeros(mask.shape)
    for i, row in enumerate(mask.tolist()):
        for t, real in enumerate(row):
            if real:
                is_last = t == sum(row) - 1
                rows[i, t] = -beta * kl[i, t] + (scores[i] if is_last else 0.0)
    return rows


def rewarded_tokens(generator: torch.Generator) -> dict:
    """Rewards and values, with noise at the padding."""
    mask = right_padded(generator, 4, 5)
    made = {
        name: with_noise_at_padding(numbers(generator, 4, 5), mask, generator)
        for name in ("rewards", "values")
    }
    gamma, lam = between(generator, 0.6, 0.9), between(generator, 0.3, 0.8)
    return made | {"mask": mask, "gamma": gamma, "lam": lam}


def sum_of_errors(rewards, values, mask, gamma, lam):
    """The double sum of the definition: Σ_l (γλ)^l δ_{t+l}, with V = 0 behind the last token."""
    found = torch.zeros(mask.shape)
    for i, row in enumerate(mask.tolist()):
        length = sum(row)
        value = [*values[i, :length].tolist(), 0.0]
        errors = [rewards[i, t].item() + gamma * value[t + 1] - value[t] for t in range(length)]
        for t in range(length):
            steps = range(length - t)
            found[i, t] = sum((gamma * lam) ** step * errors[t + step] for step in steps)
    return found


def raw_advantages(generator: torch.Generator) -> dict:
    """Advantages before they are whitened, and values."""
    made = rewarded_tokens(generator)
    names = {"rewards": "advantages", "values": "values", "mask": "mask"}
    return {names[name]: made[name] for name in names}


def advantage_plus_value(advantages, values, mask):
    """Token by token; 0 at padding."""
    cells = zip(advantages.tolist(), values.tolist(), mask.tolist(), strict=True)
    return torch.tensor(
        [[a + v if real else 0.0 for a, v, real in zip(*row, strict=True)] for row in cells]
    )


token_rewards = Exercise(
    name="token_rewards",
    asks="the reward of each token: -β kl, and the score of the response at its last real token",
    inputs=scored_responses,
    truth=penalty_and_score,
    bugs=museum.TOKEN_REWARDS,
    replaces="advantages.token_rewards",
)
gae = Exercise(
    name="gae",
    asks="generalised advantage estimates, with no value behind the last real token",
    inputs=rewarded_tokens,
    truth=sum_of_errors,
    bugs=museum.GAE,
    replaces="advantages.gae",
)
returns = Exercise(
    name="returns",
    asks="the critic's target: advantages, before they are whitened, plus values; 0 at padding",
    inputs=raw_advantages,
    truth=advantage_plus_value,
    bugs=museum.RETURNS,
    replaces="advantages.returns_of",
)
EXERCISES = (token_rewards, gae, returns)
