"""Exercises on GRPO: advantages of outcomes and of steps, and the loss."""

import statistics

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers, right_padded, with_noise_at_padding
from rlhf_lab.museum import groups as museum
from rlhf_lab.museum import grpo as museum_of_losses

EPSILON = 1e-4  # added to the std


def rewards_of_groups(generator: torch.Generator) -> dict:
    """Rewards of three to five responses to each of three prompts; one group all equal.

    That group's reward is in quarters: the mean of other equal numbers is rounded, and not theirs.
    """
    size = int(torch.randint(3, 6, (), generator=generator))
    rewards = 3 * numbers(generator, 3, 1) + numbers(generator, 3, size)
    rewards[2] = (4 * rewards[2, 0]).round() / 4
    return {"rewards": rewards}


def against_the_group(rewards):
    """One group at a time; the unbiased std, and 1e-4 added to it."""
    rows = []
    for group in rewards.tolist():
        mean, std = statistics.fmean(group), statistics.stdev(group)
        rows.append([(r - mean) / (std + EPSILON) for r in group])
    return torch.tensor(rows)


def against_the_others(rewards):
    """One response at a time: its reward less the mean of the others'."""
    rows = []
    for group in rewards.tolist():
        others = [group[:i] + group[i + 1 :] for i in range(len(group))]
        rows.append([r - statistics.fmean(rest) for r, rest in zip(group, others, strict=True)])
    return torch.tensor(rows)


def steps_of_groups(generator: torch.Generator) -> dict:
    """Rewards at the ends of steps; elsewhere stands noise."""
    ends = torch.rand(2, 3, 7, generator=generator) < 0.4
    ends[:, :, 2], ends[:, :, 5] = True, True
    ends[:, :, 6] = False
    rewards = 1 + numbers(generator, 2, 3, 7)
    return {"step_rewards": with_noise_at_padding(rewards, ends, generator), "step_ends": ends}


def steps_from_here_on(step_rewards, step_ends):
    """One token at a time: the normalised rewards of the steps that end at it or later."""
    found = torch.zeros(step_rewards.shape)
    for p, (values, ends) in enumerate(zip(step_rewards, step_ends, strict=True)):
        steps = values[ends].tolist()
        mean, std = statistics.fmean(steps), statistics.stdev(steps)
        for i, t in ends.nonzero().tolist():
            found[p, i, : t + 1] += (values[i, t] - mean) / (std + EPSILON)
    return found


def one_update(generator: torch.Generator) -> dict:
    """Log-probs of responses under three policies, and advantages."""
    mask = right_padded(generator, 4, 5)
    old = -numbers(generator, 4, 5).abs()
    made = {
        "logprobs": old + 0.3 * numbers(generator, 4, 5),
        "old_logprobs": old,
        "reference_logprobs": old + 0.5 * numbers(generator, 4, 5),
        "advantages": 2 * numbers(generator, 4, 5),
    }
    made = {name: with_noise_at_padding(x, mask, generator) for name, x in made.items()}
    settings = {"epsilon": between(generator, 0.1, 0.3), "beta": between(generator, 0.2, 1.0)}
    return made | {"mask": mask} | settings


def response_by_response(
    logprobs, old_logprobs, reference_logprobs, advantages, mask, epsilon, beta
):
    """Token by token, then the mean of each response, then the mean over responses."""
    means = []
    for i, row in enumerate(mask.tolist()):
        terms = []
        for t in range(sum(row)):
            new, old, ref = (x[i, t] for x in (logprobs, old_logprobs, reference_logprobs))
            ratio, advantage = torch.exp(new - old), advantages[i, t]
            clipped = min(max(ratio, 1 - epsilon), 1 + epsilon)
            kl = torch.exp(ref - new) - 1 - (ref - new)
            terms.append(min(ratio * advantage, clipped * advantage) - beta * kl)
        means.append(sum(terms) / len(terms))
    return -sum(means) / len(means)


group_outcome_advantages = Exercise(
    name="group_outcome_advantages",
    asks="(r - mean) / (std + 1e-4) within each group, with the unbiased std",
    inputs=rewards_of_groups,
    truth=against_the_group,
    bugs=museum.OUTCOME,
    replaces="advantages.group_outcome_advantages",
)
group_process_advantages = Exercise(
    name="group_process_advantages",
    asks="for each token the sum of the normalised rewards of the steps that end at it or later",
    inputs=steps_of_groups,
    truth=steps_from_here_on,
    bugs=museum.PROCESS,
    replaces="advantages.group_process_advantages",
)
grpo_loss = Exercise(
    name="grpo_loss",
    asks="GRPO's loss: clipped surrogate less β k3, a mean over each response, then over responses",
    inputs=one_update,
    truth=response_by_response,
    bugs=museum_of_losses.LOSS,
    gradient_in="logprobs",
    replaces="losses.grpo_loss",
)
leave_one_out_advantages = Exercise(
    name="leave_one_out_advantages",
    asks="each reward less the mean of the other rewards of its group",
    inputs=rewards_of_groups,
    truth=against_the_others,
    bugs=museum.LEAVE_ONE_OUT,
    replaces="advantages.leave_one_out_advantages",
)
EXERCISES = (
    group_outcome_advantages,
    group_process_advantages,
    grpo_loss,
    leave_one_out_advantages,
)
