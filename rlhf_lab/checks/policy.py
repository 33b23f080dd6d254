"""Exercises on the losses of PPO."""

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers, right_padded, with_noise_at_padding
from rlhf_lab.museum import policy as museum


def ratios(generator: torch.Generator) -> dict:
    """Ratios inside and outside the range, advantages of both signs and of sizes around 1."""
    ratio = torch.exp(0.6 * numbers(generator, 24))
    ratio[:4] = torch.tensor([0.5, 0.5, 1.6, 1.6])
    advantages = 2 * numbers(generator, 24)
    advantages[:4] = torch.tensor([-1.5, 1.5, -1.5, 1.5])
    return {"ratio": ratio, "advantages": advantages, "epsilon": between(generator, 0.1, 0.3)}


def by_cases(ratio, advantages, epsilon):
    """Good actions gain no more above 1 + ε, bad ones lose no less below 1 - ε."""
    found = []
    for rho, advantage in zip(ratio, advantages, strict=True):
        if advantage > 0 and rho > 1 + epsilon:
            rho = 1 + epsilon
        elif advantage < 0 and rho < 1 - epsilon:
            rho = 1 - epsilon
        found.append(rho * advantage)
    return torch.stack(found)


def values_and_returns(generator: torch.Generator) -> dict:
    """Values that moved by more and by less than ε, towards the return and away from it."""
    mask = right_padded(generator, 4, 6)
    made = {
        name: with_noise_at_padding(numbers(generator, 4, 6), mask, generator)
        for name in ("values", "old_values", "returns")
    }
    return made | {"mask": mask, "epsilon": between(generator, 0.2, 0.6)}


def worse_of_two_errors(values, old_values, returns, mask, epsilon):
    """Token by token: the error of the value, or of the value brought back near the old one."""
    errors = []
    for i, t in mask.nonzero().tolist():
        value, old, goal = (x[i, t] for x in (values, old_values, returns))
        near = min(max(value, old - epsilon), old + epsilon)
        errors.append(max((value - goal) ** 2, (near - goal) ** 2))
    return sum(errors) / len(errors) / 2


clipped_surrogate = Exercise(
    name="clipped_surrogate",
    asks="PPO's clipped objective of each token, to be maximised",
    inputs=ratios,
    truth=by_cases,
    bugs=museum.SURROGATE,
    gradient_in="ratio",
    replaces="losses.clipped_surrogate",
)
clipped_value_loss = Exercise(
    name="clipped_value_loss",
    asks="half the mean over real tokens of the worse of two squared errors",
    inputs=values_and_returns,
    truth=worse_of_two_errors,
    bugs=museum.VALUE_LOSS,
    gradient_in="values",
    replaces="losses.clipped_value_loss",
)
EXERCISES = (clipped_surrogate, clipped_value_loss)
