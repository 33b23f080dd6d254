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

from rlhf_lab.experiments.label_fits import pair_accuracy
from rlhf_lab.experiments.learned_reward import fitted_reward, one_number_a_response
from rlhf_lab.experiments.negative_pairs import GENERATORS, Logprobs, first_is_0, negative, positive
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    differences,
    ends,
    rises,
    together,
)
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import ExactWorld, exact_world
from rlhf_lab.worlds.optimum import objective, optimal_logprobs

VARIANTS = {
    "negative-feedback-positive": {"generator": None},
    "negative-feedback-same-model": {"generator": "same model"},
    "negative-feedback-better-model": {"generator": "better model"},
    "negative-feedback-model-with-a-habit": {"generator": "model with a habit"},
}
BETA = 0.5
BUDGETS = (500, 2000, 8000, 32_000)  # responses that people read


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


def value(world: ExactWorld, policy: Logprobs) -> float:
    """The objective, with the true reward."""
    return objective(policy, world.reference_logprobs, world.rewards, beta=BETA).item()


def begins(world: ExactWorld, policy: Logprobs) -> float:
    """How often the policy begins with token 0."""
    return (policy.exp() * first_is_0(world)).sum().item()


def verdict(runs: Recorded) -> Verdict:
    """The habit with endless labels and its change from 500 read; objectives at 500 and 32,000."""
    positive, habit = (runs[f"negative-feedback-{n}"] for n in ("positive", "model-with-a-habit"))
    passed_on = ends(habit, "begins") - ends(habit, "should_begin")
    parts = [
        above("how much more often the policy has the habit, endless labels", passed_on),
        above("of that, what grows from 500 labels to endless", rises(habit, "begins"), -0.1),
    ]
    for name in ("same-model", "better-model"):
        other = runs[f"negative-feedback-{name}"]
        for at in (0, len(BUDGETS) - 1):
            words = f"objective at {BUDGETS[at]:,} read, positive less negative from the {name}"
            parts.append(above(words, differences(positive, other, "objective", at)))
    return together(*parts)
