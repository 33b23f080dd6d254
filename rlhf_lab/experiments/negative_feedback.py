"""What do people decide when they label both sides of a pair, and when only one? (RM-15, RM-16)

Hypothesis: where people label only what is bad and a model writes what counts as good, the fitted
reward tends to log generator - log (what people reject): however many labels there are, it holds
the generator's habits. So a generator with a habit passes it on to the policy, and one without
errs only by its noise; positive feedback, both sides judged, has neither fault, and for the same
number of responses read its policy is better. Refuted if the habit is not passed on, or if it
fades with more labels, or if negative feedback is as good for the same reading.

Exact world. People judge responses of the reference: positive, the better of two (two are read);
negative, a thumb for each one read, and a generated response against each thumb down. The policy
is the one that is optimal for the fitted reward; nothing else is sampled.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.label_kinds import pair_accuracy
from rlhf_lab.experiments.learned_reward import fitted_reward, one_number_a_response
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import (
    ExactWorld,
    exact_world,
    expected_pairs,
    observed_pairs,
    sample_pairs,
)
from rlhf_lab.worlds.optimum import objective, optimal_logprobs

VARIANTS = {
    "negative-feedback-positive": {"generator": None},
    "negative-feedback-same-model": {"generator": "same model"},
    "negative-feedback-better-model": {"generator": "better model"},
    "negative-feedback-model-with-a-habit": {"generator": "model with a habit"},
}
BETA = 0.5
BUDGETS = (500, 2000, 8000, 32_000)  # responses that people read
HABIT = 2.0  # log-odds by which the third generator begins with token 0 more often
Logprobs = Float[Tensor, "response"]
Pairs = Float[Tensor, "winner loser"]


def run(seed: int, *, generator: str | None) -> History:
    """After each budget, and for endless labels in the last row, whose `read` is 0.

    `accuracy` is the share of all pairs of responses in the true order; `objective` is E r - β KL
    of the policy and `possible` its best; `begins` is how often the policy begins with token 0,
    and `should_begin` how often the best policy does.
    """
    world = exact_world(seed=seed)
    draws = torch.Generator().manual_seed(seed)
    best = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)
    once = {"possible": value(world, best), "should_begin": begins(world, best)}
    table: History = {}
    for read in (*BUDGETS, 0):
        if generator is None:
            pairs, count = positive(world, read, draws)
        else:
            writes = GENERATORS[generator](world)
            pairs, count = negative(world, writes, read, draws)
        # The prior N(0, 1) of each reward; next to endless pairs it weighs nothing.
        fitted = fitted_reward(
            one_number_a_response(world), pairs, ridge=1 / (2 * count) if read else 1e-7
        )
        policy = optimal_logprobs(world.reference_logprobs, fitted, beta=BETA)
        row = {
            "read": read,
            "pairs": count,
            "accuracy": pair_accuracy(fitted, world.rewards),
            "objective": value(world, policy),
            "begins": begins(world, policy),
        }
        for name, number in (row | once).items():
            table.setdefault(name, []).append(number)
    return table


def positive(world: ExactWorld, read: int, draws: torch.Generator) -> tuple[Pairs, int]:
    """Shares of (winner, loser), both sides judged, and their number; for 0 the expected ones."""
    if not read:
        return expected_pairs(world.reference_logprobs, world.rewards), 0
    winners, losers = sample_pairs(world, read // 2, draws)
    return observed_pairs(winners, losers, len(world.rewards)), read // 2


def negative(
    world: ExactWorld, writes: Logprobs, read: int, draws: torch.Generator
) -> tuple[Pairs, int]:
    """Shares of (generated, rejected) and their number; for 0 the expected ones."""
    rejected = disliked(world)
    if not read:
        return writes.exp()[:, None] * rejected.exp()[None, :], 0
    shown = drawn(world.reference_logprobs, read, draws)
    uniform = torch.rand(read, generator=draws, dtype=torch.float64)
    losers = shown[uniform < torch.sigmoid(-world.rewards[shown])]
    winners = drawn(writes, len(losers), draws)
    return observed_pairs(winners, losers, len(world.rewards)), len(losers)


def disliked(world: ExactWorld) -> Logprobs:
    """log-probs of what gets a thumb down: ∝ ref(y) σ(-r(y)), the bar at the mean reward, 0."""
    return (world.reference_logprobs + torch.sigmoid(-world.rewards).log()).log_softmax(dim=0)


def drawn(logprobs: Logprobs, count: int, draws: torch.Generator) -> Tensor:
    """Numbers of `count` responses."""
    return torch.multinomial(logprobs.exp(), count, replacement=True, generator=draws)


def same_model(world: ExactWorld) -> Logprobs:
    """The reference, which wrote what people read."""
    return world.reference_logprobs


def better_model(world: ExactWorld) -> Logprobs:
    """A model that is optimal for the true reward at β = 1, the noise of people's judgement."""
    return optimal_logprobs(world.reference_logprobs, world.rewards, beta=1.0)


def model_with_a_habit(world: ExactWorld) -> Logprobs:
    """The better model, but it likes to begin with token 0."""
    return (better_model(world) + HABIT * first_is_0(world)).log_softmax(dim=0)


GENERATORS = {
    "same model": same_model,
    "better model": better_model,
    "model with a habit": model_with_a_habit,
}


def first_is_0(world: ExactWorld) -> Logprobs:
    """1 where the response begins with token 0, else 0."""
    return (world.responses.tokens[:, 0] == 0).double()


def value(world: ExactWorld, policy: Logprobs) -> float:
    """The objective, with the true reward."""
    return objective(policy, world.reference_logprobs, world.rewards, beta=BETA).item()


def begins(world: ExactWorld, policy: Logprobs) -> float:
    """How often the policy begins with token 0."""
    return (policy.exp() * first_is_0(world)).sum().item()
