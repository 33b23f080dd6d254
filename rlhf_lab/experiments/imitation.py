"""The same week as imitation: how good is a copy of somebody who errs? (RL-3)

Hypothesis: with enough demonstrations a copy earns what its demonstrator earns, no more: for a
perfect one that is the optimum, and sooner than by reward; for one that slips, or puts study off,
it is less than what an agent that learns from reward earns. Refuted if the copy of an imperfect
demonstrator reaches the learner from reward, or if imitation of a perfect one needs more episodes.
"""

import random
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, shared, together, within
from rlhf_lab.runs import Run
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.decisions import DecisionProcess, best_policy, expected_return
from rlhf_lab.worlds.environment import Environment, Step, play
from rlhf_lab.worlds.exam_week import REST, exam_week

COUNTS = (1, 3, 10, 30, 100, 300, 1000)  # demonstrations, each a whole episode
Table = Float[Tensor, "state action"]
VARIANTS = {
    f"imitation-{name.replace(' ', '-')}": {"demonstrator": name}
    for name in ("best", "slips", "puts off")
}
BORROWED = ("delayed-reward-gamma-1",)  # the learner from reward


def run(seed: int, *, demonstrator: str) -> History:
    """What the copy, and the copy of the most frequent actions, earn after each of `COUNTS`."""
    process = exam_week()
    return copies_of(seed, DEMONSTRATORS[demonstrator](process))


def copies_of(seed: int, demonstrator: Table) -> History:
    """The same of any demonstrator, given as a table."""
    process = exam_week()
    generator = random.Random(seed)
    environment = Environment(process, generator=generator)
    shown = [play(environment, demonstrator.tolist(), generator) for _ in range(max(COUNTS))]
    table: History = {"episodes": list(COUNTS), "copy": [], "most_frequent": []}
    for count in COUNTS:
        copy = imitated(process, shown[:count])
        table["copy"].append(expected_return(process, copy).item())
        table["most_frequent"].append(expected_return(process, most_frequent(copy)).item())
    return table


def imitated(process: DecisionProcess, demonstrations: Sequence[Sequence[Step]]) -> Table:
    """The maximum of Σ log π(a | s) over all policies: how often a was done in s; even if never.

    It is the table to which training on cross-entropy leads.
    """
    counts = torch.zeros(len(process.states), len(process.actions), dtype=torch.float64)
    for episode in demonstrations:
        for step in episode:
            counts[step.state, step.action] += 1
    seen = counts.sum(dim=-1, keepdim=True)
    return torch.where(seen > 0, counts / seen, torch.full_like(counts, 1 / counts.shape[-1]))


def most_frequent(policy: Table) -> Table:
    """The likeliest action of each state, always; what is even stays even."""
    top = policy == policy.amax(dim=-1, keepdim=True)
    return top.to(policy.dtype) / top.sum(dim=-1, keepdim=True)


def slipping(process: DecisionProcess, *, slip: float) -> Table:
    """The best policy of a process with two actions, but with probability `slip` the other one."""
    best = best_policy(process, gamma=1.0)
    return (1 - slip) * best + slip * (1 - best)


def putting_off(process: DecisionProcess) -> Table:
    """Rests for the first two days, whatever happens; then does what is best."""
    early = torch.tensor([name.startswith(("day 1", "day 2")) for name in process.states])
    resting = one_hot(torch.full((len(early),), REST), len(process.actions)).double()
    return torch.where(early[:, None], resting, best_policy(process, gamma=1.0))


DEMONSTRATORS = {
    "best": partial(slipping, slip=0.0),
    "slips": partial(slipping, slip=0.3),
    "puts off": putting_off,
}


def verdict(runs: Recorded) -> Verdict:
    """With all demonstrations; the sooner of the two at 100 episodes, 16 to an update of RL."""
    best, slips, puts_off = (runs[name] for name in VARIANTS)
    reward = runs["delayed-reward-gamma-1"]
    process = exam_week()
    most = expected_return(process, best_policy(process, gamma=1.0)).item()
    seen, other = shared(best, reward)
    row = COUNTS.index(100)
    lead = ends(seen, "copy", row) - ends(other, "expected_return", round(COUNTS[row] / 16))

    def behind(words: str, copies: Sequence[Run]) -> Verdict:
        one, two = shared(reward, copies)
        return above(words, ends(one, "expected_return") - ends(two, "copy"))

    return together(
        within("a copy of the best less the optimum", ends(best, "copy") - most, -0.05, 0.05),
        above("a copy of the best less by reward, 100 episodes", lead),
        behind("by reward less a copy of one who slips", slips),
        behind("by reward less a copy of one who puts off", puts_off),
    )
