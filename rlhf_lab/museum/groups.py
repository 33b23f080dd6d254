"""Mistakes in the advantages of GRPO: the group and its steps."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Groups, Steps = Float[Tensor, "prompt group"], Float[Tensor, "prompt group token"]
Ends = Bool[Tensor, "prompt group token"]
EPSILON = 1e-4


def biased_std(rewards: Groups) -> Groups:
    """The std divides by G and not by G - 1: [1, 0, 0, 1] gives ±1 and not ±0.866."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, correction=0, keepdim=True) + EPSILON)


def std_of_the_batch(rewards: Groups) -> Groups:
    """The std of the whole batch is in the place of the group's own."""
    return (rewards - rewards.mean(dim=1, keepdim=True)) / (rewards.std() + EPSILON)


def mean_of_the_batch(rewards: Groups) -> Groups:
    """The mean of the whole batch is the baseline: easy prompts look good, hard ones bad."""
    return (rewards - rewards.mean()) / (rewards.std(dim=1, keepdim=True) + EPSILON)


def groups_across_prompts(rewards: Groups) -> Groups:
    """The groups are read across prompts: the index runs the wrong way."""
    mixed = rewards.T.reshape(rewards.shape)
    centred = mixed - mixed.mean(dim=1, keepdim=True)
    normalised = centred / (mixed.std(dim=1, keepdim=True) + EPSILON)
    return normalised.reshape(rewards.T.shape).T


def not_centred(rewards: Groups) -> Groups:
    """The group's mean is not removed: with rewards of 0 and 1 nothing is ever made less likely."""
    return rewards / (rewards.std(dim=1, keepdim=True) + EPSILON)


def mean_of_all(rewards: Groups) -> Groups:
    """The baseline is the mean of all rewards of the group, the response's own included."""
    return rewards - rewards.mean(dim=1, keepdim=True)


def divided_by_all(rewards: Groups) -> Groups:
    """The sum of the others is divided by G and not by G - 1: the baseline is too near 0."""
    return rewards - (rewards.sum(dim=1, keepdim=True) - rewards) / rewards.shape[1]


def others_minus_own(rewards: Groups) -> Groups:
    """The difference is the other way round: bad responses are made likelier."""
    total, others = rewards.sum(dim=1, keepdim=True), rewards.shape[1] - 1
    return (total - rewards) / others - rewards


def from_here_on(x: Tensor) -> Tensor:
    """The sum over this position and those behind it."""
    return x.flip(-1).cumsum(dim=-1).flip(-1)


def of_the_whole_group(step_rewards: Tensor, step_ends: Tensor) -> Tensor:
    """Step rewards normalised over all steps of a group, 0 elsewhere."""
    normalised = []
    for values, ends in zip(step_rewards, step_ends, strict=True):
        steps = values[ends]
        normalised.append(torch.where(ends, (values - steps.mean()) / (steps.std() + EPSILON), 0))
    return torch.stack(normalised)


def own_step_only(step_rewards: Steps, step_ends: Ends) -> Steps:
    """A token gets the reward of the step that ends at it, and nothing of the later ones."""
    return of_the_whole_group(step_rewards, step_ends)


def steps_before(step_rewards: Steps, step_ends: Ends) -> Steps:
    """A token gets the sum over the steps before it: the past is rewarded, not what follows."""
    return of_the_whole_group(step_rewards, step_ends).cumsum(dim=-1)


def normalised_by_response(step_rewards: Steps, step_ends: Ends) -> Steps:
    """Each response's steps are normalised by themselves: a bad response looks like a good one."""
    count = step_ends.sum(dim=-1, keepdim=True)
    mean = torch.where(step_ends, step_rewards, 0).sum(dim=-1, keepdim=True) / count
    centred = torch.where(step_ends, step_rewards - mean, 0)
    std = (centred.square().sum(dim=-1, keepdim=True) / (count - 1)).sqrt()
    return from_here_on(centred / (std + EPSILON))


def zeros_are_steps(step_rewards: Steps, step_ends: Ends) -> Steps:
    """Mean and std run over all tokens: the zeros between the ends of steps are counted."""
    filled = torch.where(step_ends, step_rewards, 0)
    mean, std = filled.mean(dim=(1, 2), keepdim=True), filled.std(dim=(1, 2), keepdim=True)
    return from_here_on(torch.where(step_ends, (filled - mean) / (std + EPSILON), 0))


OUTCOME = (
    Bug(function=biased_std, looks="Advantages larger by the root of G/(G-1): not seen in curves."),
    Bug(function=std_of_the_batch, looks="Fine where prompts are alike; hard prompts lose weight."),
    Bug(function=mean_of_the_batch, looks="More variance: the difficulty of a prompt is noise."),
    Bug(
        function=groups_across_prompts, looks="Rewards rise slowly, and not at all for mixed tasks."
    ),
    Bug(
        function=not_centred,
        looks="Entropy falls fast; right answers are learned all the same. The penalty does not "
        "hold: as a group's rewards become alike their std goes to 0, what they have in common "
        "grows, and equal rewards r get r/0.0001 instead of 0. Smaller steps or more samples do "
        "not help.",
    ),
)
LEAVE_ONE_OUT = (
    Bug(
        function=mean_of_all,
        looks="The same direction, shorter by G/(G-1): as a smaller rate.",
    ),
    Bug(
        function=divided_by_all,
        looks="A part of the mean stays in: noise that grows with the level of the rewards.",
    ),
    Bug(function=others_minus_own, looks="The reward falls from the first step."),
)
PROCESS = (
    Bug(function=own_step_only, looks="Tokens inside a step get nothing: very slow."),
    Bug(function=steps_before, looks="Good beginnings are repeated after they were made."),
    Bug(
        function=normalised_by_response,
        looks="Reward hardly moves: the tokens of each first step get 0, and so do responses whose "
        "steps are all right or all wrong.",
    ),
    Bug(
        function=zeros_are_steps,
        looks="A wrong step costs almost nothing and every further right step pays: many steps "
        "look better than few.",
    ),
)
