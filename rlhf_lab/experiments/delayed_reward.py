"""What does an agent learn that looks at the next reward only, where the large one is late? (RL-2)

Hypothesis: in the week before an exam a learner of the one-step reward (γ = 0) ends at resting
every day, which earns 4; the same learner with the whole return (γ = 1) ends within 3 % of the
best policy's 7.38. Refuted if γ = 0 earns more than 4.5, or γ = 1 less than 7.16, on average.
"""

import torch
from torch import nn

from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, ends, together
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.reinforce import ReinforceConfig, train_reinforce
from rlhf_lab.worlds.decisions import DecisionProcess, expected_return
from rlhf_lab.worlds.exam_week import exam_week

STEPS = 100
VARIANTS = {f"delayed-reward-gamma-{gamma:g}": {"gamma": gamma} for gamma in (0.0, 1.0)}


def run(seed: int, *, gamma: float, steps: int = STEPS) -> History:
    """`expected_return`, exact, before the first update and after each."""
    found = learned(seed, gamma=gamma, process=exam_week(), steps=steps)
    return {name: found[name] for name in ("episodes", "expected_return")}


def learned(seed: int, *, gamma: float, process: DecisionProcess, steps: int = STEPS) -> History:
    """The same of any process, with `policies`, the tables of probabilities."""
    logits = nn.Parameter(
        torch.zeros(len(process.states), len(process.actions), dtype=torch.float64)
    )

    def measured():
        yield state_of(0)
        config = ReinforceConfig(steps=steps, gamma=gamma, seed=seed)
        for metrics in train_reinforce(logits, process, config):
            yield state_of((metrics["step"] + 1) * config.episodes)

    def state_of(episodes: int) -> dict:
        policy = logits.detach().softmax(dim=-1)
        earned = expected_return(process, policy).item()
        return {"episodes": episodes, "expected_return": earned, "policies": policy}

    return history(measured(), steps=steps + 1)


def verdict(runs: Recorded) -> Verdict:
    """After the last update."""
    greedy, patient = (ends(runs[name], "expected_return") for name in VARIANTS)
    return together(
        below("expected return, γ = 0", greedy, 4.5), above("the same, γ = 1", patient, 7.16)
    )
