"""An exercise on the return of an episode."""

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers
from rlhf_lab.museum import decisions as museum


def episode(generator: torch.Generator) -> dict:
    """The rewards of four to six steps."""
    steps = int(torch.randint(4, 7, (), generator=generator))
    return {"rewards": numbers(generator, steps).tolist(), "gamma": between(generator, 0.5, 0.9)}


def term_by_term(rewards, gamma):
    """Σ_k γ^k r_{t+k}, each step by itself."""
    steps = range(len(rewards))
    return [sum(gamma ** (s - t) * rewards[s] for s in steps if s >= t) for t in steps]


returns_to_go = Exercise(
    name="returns_to_go",
    asks="G_t of every step: its reward and all later ones, each discounted by its distance",
    inputs=episode,
    truth=term_by_term,
    bugs=museum.RETURNS_TO_GO,
    replaces="worlds.environment.returns_to_go",
)
EXERCISES = (returns_to_go,)
