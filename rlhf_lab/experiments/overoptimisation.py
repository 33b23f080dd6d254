"""What becomes of gold while a policy earns more of a learned reward? (DPO-2, RM-6, RLHF-3)

Hypothesis (Gao et al. 2022): the proxy rises with the KL to the reference; gold rises, then falls,
and falls the sooner the fewer comparisons the reward model has seen. The same of DPO, which has no
reward model (Rafailov et al. 2024). Best-of-n, whose KL stays small, loses least. Refuted where
gold does not fall at the end of a run, or falls no less with more comparisons.

β is 0 for PPO and GRPO: nothing holds them. PPO with β = 0.1, and DPO at its β = 0.1, are held;
more strengths are in `frontier`.
Lengths and learning rates were set on seed 100 so that the runs go far enough.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rlhf_lab.experiments.review_paths import best_of_n_path, dpo_path, grpo_path, ppo_path
from rlhf_lab.experiments.review_task import Task, side_by_side, task
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, rises, shared, together
from rlhf_lab.runs import Run
from rlhf_lab.train.loop import History

VARIANTS = {f"overoptimisation-{pairs}": {"pairs": pairs} for pairs in (250, 800, 2000)}


def run(seed: int, *, pairs: int, make: Callable[..., Task] = task) -> History:
    """Five ways on one reward model; the columns are "ppo gold", "ppo kl", "dpo gold", ...

    `make` gives the task of a seed: that of film reviews, or one of GPT-2-small.
    """
    at = make(seed, pairs=pairs)
    return side_by_side(
        {
            "ppo": ppo_path(at, at.proxy, beta=0.0),
            "ppo 0.1": ppo_path(at, at.proxy, beta=0.1),
            "grpo": grpo_path(at, at.proxy, beta=0.0),
            "dpo": dpo_path(at, beta=0.1),
            "best of n": best_of_n_path(at),
        }
    )


def verdict(runs: Recorded) -> Verdict:
    """Falls of gold from the highest point of the mean over seeds to the end.

    That point is chosen on the same seeds, which flatters the falls a little. Best of n ends at its
    highest, so that its fall is 0; it is compared by where it ends.
    """
    few, many = runs["overoptimisation-250"], runs["overoptimisation-2000"]
    pair = shared(few, many)
    parts = []
    for method in ("ppo", "grpo", "dpo"):
        fell, gaps = fall_of_gold(few, method), [fall_of_gold(each, method) for each in pair]
        parts += [
            above(f"{method}: rise of the proxy, 250 pairs", rises(few, f"{method} proxy")),
            above(f"{method}: fall of gold, 250 pairs", fell),
            above(f"{method}: that less the fall with 2,000", gaps[0] - gaps[1]),
            below(
                f"{method}: rise of gold to the end less that by best of n, 250 pairs",
                rises(few, f"{method} gold") - rises(few, "best of n gold"),
            ),
        ]
    return together(*parts)


def fall_of_gold(runs: Sequence[Run], method: str) -> np.ndarray:
    """Gold at the highest point of the mean path less gold at the end, one number a seed."""
    paths = np.array([run.metrics[f"{method} gold"] for run in runs])
    return paths[:, paths.mean(axis=0).argmax()] - paths[:, -1]
