"""A known mistake in the place of the package's own code, for the package's tests to find.

Most exhibits have the signature of the function that they replace. The exercises below ask for a
part of something larger; each names that something, and builds it anew around the exhibit.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from rlhf_lab import logprobs, losses, masked, sampling
from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.museum.bug import Bug
from rlhf_lab.responses import Responses, Rollout
from rlhf_lab.rewards import networks
from rlhf_lab.train import micro_batches

Replacements = dict[str, Callable]  # "losses.dpo_loss": what stands in its place


def transplant(exercise: Exercise, bug: Bug) -> Replacements:
    """What to put where, so that the package makes this mistake."""
    if exercise.replaces:
        return {exercise.replaces: bug.function}
    return AROUND[exercise.name](bug.function)


def around_logprobs(function: Callable) -> Replacements:
    """Whole texts through the model, then the exhibit in the place of shift and softmax."""

    def response_logprobs(model, responses, *, temperature=1.0, min_tokens=1, end_token=None):
        ids = torch.cat([responses.prompts, responses.tokens], dim=1)
        mask = torch.cat([responses.prompt_mask, responses.mask], dim=1)
        found = model(input_ids=ids, attention_mask=mask, position_ids=logprobs.positions(mask))
        start = responses.prompts.shape[1]
        limits = {"min_tokens": min_tokens, "end_token": end_token}
        own = logprobs.without_early_end(found.logits[:, start - 1 :], **limits)
        logits = torch.cat([found.logits[:, : start - 1], own], dim=1)
        return function(logits, ids, start, temperature)

    return {"logprobs.response_logprobs": response_logprobs}


def around_masks(function: Callable) -> Replacements:
    """Sampling with the exhibit's mask in the place of its own."""
    sample = sampling.sample

    def sample_and_mask(model, prompts, prompt_mask, *, end_token, **settings):
        drawn = sample(model, prompts, prompt_mask, end_token=end_token, **settings)
        if end_token is None:
            return drawn
        tokens = drawn.responses.tokens
        mask = function(tokens, end_token)
        return Rollout(Responses(prompts, prompt_mask, tokens, mask), drawn.logprobs)

    return {"sampling.sample": sample_and_mask}


def around_accumulation(function: Callable) -> Replacements:
    """The share of a slice: what the exhibit says of a batch that is 1 there and 0 elsewhere."""
    slices = micro_batches.slices

    def shared(rows, weights, size):
        width, first, size = int(weights[rows].max()), 0, size or len(rows)
        mask = torch.arange(width) < weights[rows][:, None]
        for part, _ in slices(rows, weights, size):
            x = torch.zeros(mask.shape)
            x[first : first + len(part)] = 1
            first += len(part)
            yield part, function(x * mask, mask, size).item()

    return {"train.micro_batches.slices": shared}


def around_last_score(function: Callable) -> Replacements:
    """The exhibit reads each column of a reward model's outputs."""

    def last_outputs(model, responses):
        columns = networks.token_outputs(model, responses).unbind(dim=2)
        return torch.stack([function(x, responses.mask) for x in columns], dim=1)

    return {"rewards.networks.last_outputs": last_outputs}


def around_dpo(function: Callable) -> Replacements:
    """The package builds DPO's loss from three functions; the same mistake in the one it is in."""
    reduced = {
        "mean_for_sum": lambda x, mask: masked.mean_over_tokens(x, mask),
        "mean_over_padding": lambda x, mask: masked.sum_over_tokens(x, mask) / x.shape[1],
        "padding_summed": lambda x, mask: x.sum(dim=1),
    }.get(function.__name__)
    if reduced:
        return {
            "logprobs.sequence_logprobs": lambda model, responses: reduced(
                logprobs.response_logprobs(model, responses), responses.mask
            )
        }
    if function.__name__ == "sides_swapped":
        swapped = losses.dpo_loss
        return {"losses.dpo_loss": lambda chosen, rejected: swapped(rejected, chosen)}
    rewards = {
        "no_reference": lambda policy, reference, *, beta: beta * policy,
        "beta_outside": lambda policy, reference, *, beta: policy - reference,
    }
    return {"losses.implicit_reward": rewards[function.__name__]}


def around_gradient(function: Callable) -> Replacements:
    """The right loss with the exhibit's slope: of dpo_loss at β = 1, of the reward what is left."""
    right_loss, right_reward = losses.dpo_loss, losses.implicit_reward

    def slope_alone(x: Tensor, slope: Tensor | float) -> Tensor:
        return slope * (x - x.detach())  # worth 0

    def dpo_loss(chosen, rejected):
        slope = function(chosen.detach(), rejected.detach(), 1.0) / len(chosen)
        return right_loss(chosen, rejected).detach() + slope_alone(chosen - rejected, slope).sum()

    def implicit_reward(policy, reference, *, beta):
        at_one, at_beta = (function(torch.zeros(1), torch.zeros(1), x).item() for x in (1.0, beta))
        reward = right_reward(policy, reference, beta=beta).detach()
        return reward + slope_alone(policy - reference, at_beta / at_one)

    return {"losses.dpo_loss": dpo_loss, "losses.implicit_reward": implicit_reward}


def around_best_of_n(function: Callable) -> Replacements:
    """The exhibit picks from a table with a row a prompt."""

    def best_of_n(responses, rewards, *, n):
        picked = function(rewards.view(-1, n))
        return responses[torch.arange(len(rewards) // n) * n + picked]

    return {"sampling.best_of_n": best_of_n}


AROUND = {
    "response_logprobs": around_logprobs,
    "response_mask": around_masks,
    "accumulated_mean": around_accumulation,
    "last_score": around_last_score,
    "dpo_loss": around_dpo,
    "dpo_gradient": around_gradient,
    "best_of_n": around_best_of_n,
}
