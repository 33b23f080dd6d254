"""How much gold does each method buy for its KL, over its own strengths? (DPO-1, DPO-3, RLHF-3)

Hypothesis (after Rafailov et al. 2023, figure 2 left): with a budget of KL, DPO earns at least as
much gold as PPO on a learned reward, and both earn more than fine-tuning on the chosen. Refuted
where PPO's best point within the budget earns more than DPO's, or fine-tuning's more than either.
A budget need not be spent: fine-tuning stays near the start, so that this does not compare it with
the others at equal KL. All know the same 2,000 noisy comparisons; PPO on gold itself, which no
method can know, stands beside them. Each run gives its points along the way. The strengths β = 0
and 0.1 of PPO, 0 of GRPO and 0.1 of DPO, and best-of-n, on the same tasks, are in
`overoptimisation`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rlhf_lab.experiments.review_paths import dpo_path, grpo_path, ppo_path, sft_path
from rlhf_lab.experiments.review_task import Task, side_by_side, task
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, not_less, rows, shared, together
from rlhf_lab.runs import Run
from rlhf_lab.train.loop import History

VARIANTS = {"frontier-reviews": {"pairs": 2000}}
BORROWED = ("overoptimisation-2000",)  # the other strengths, which the verdict needs too
PPO_BETAS = (0.3,)
GRPO_BETAS = (0.2,)
DPO_BETAS = (0.3, 1.0)
MARGIN = 0.05  # of gold: by so much less counts as alike


def run(seed: int, *, pairs: int, make: Callable[..., Task] = task) -> History:
    """All methods at all strengths; the columns are "ppo 0.3 gold", "sft kl", ...

    `make` gives the task of a seed: that of film reviews, or one of GPT-2-small.
    """
    at = make(seed, pairs=pairs)
    return side_by_side(
        {f"ppo {beta}": ppo_path(at, at.proxy, beta=beta) for beta in PPO_BETAS}
        | {f"grpo {beta}": grpo_path(at, at.proxy, beta=beta) for beta in GRPO_BETAS}
        | {f"dpo {beta}": dpo_path(at, beta=beta) for beta in DPO_BETAS}
        | {"ppo on gold": ppo_path(at, at.gold, beta=0.05), "sft": sft_path(at)}
    )


def verdict(runs: Recorded) -> Verdict:
    """The best point of each method, over its strengths and steps, within a budget of mean KL.

    The point is chosen by the mean over the same seeds, which flatters methods with more points.
    """
    here, other = shared(runs["frontier-reviews"], runs["overoptimisation-2000"])
    ppo = [(here, f"ppo {beta}") for beta in PPO_BETAS] + [(other, "ppo"), (other, "ppo 0.1")]
    dpo = [(here, f"dpo {beta}") for beta in DPO_BETAS] + [(other, "dpo")]
    tuned = [(here, "sft")]
    reached = max(kl_and_gain(*tuned[0])[0].mean(axis=0))
    parts = []
    for most in (2, 4, 8):
        gains = {name: best_gain(paths, most) for name, paths in (("PPO", ppo), ("DPO", dpo))}
        sft = best_gain(tuned, most)
        words = f"gold within {most} nats, DPO less PPO"
        parts += [
            not_less(words, gains["DPO"] - gains["PPO"], MARGIN),
            *(
                above(f"{name} less fine-tuning, which stays within {reached:.1f}", gain - sft)
                for name, gain in gains.items()
            ),
        ]
    return together(*parts)


def best_gain(paths: Sequence[tuple[Sequence[Run], str]], most: float) -> np.ndarray:
    """Gain in gold, one a seed, at the point of highest mean gain whose mean KL is at most this."""
    found = []
    for runs, name in paths:
        kl, gains = kl_and_gain(runs, name)
        found += list(gains.T[kl.mean(axis=0) <= most])
    return max(found, key=np.mean)


def kl_and_gain(runs: Sequence[Run], name: str) -> tuple[np.ndarray, np.ndarray]:
    """KL to the reference and gain in gold along the way: one row a seed, one column a point."""
    kl, gold = (rows(runs, f"{name} {metric}") for metric in ("kl", "gold"))
    return kl, gold - gold[:, :1]
