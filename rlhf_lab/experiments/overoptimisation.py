"""What becomes of gold while a policy earns more of a learned reward? (DPO-2, RM-6, RLHF-3)

Hypothesis (Gao et al. 2022): the proxy rises with the KL to the reference; gold rises, then falls,
and falls the sooner the fewer comparisons the reward model has seen. The same of DPO, which has no
reward model (Rafailov et al. 2024). Best-of-n, whose KL stays small, loses least. Refuted where
gold does not fall at the end of a run, or falls no less with more comparisons.

β is 0 for PPO and GRPO: nothing holds them. PPO with β = 0.1, and DPO at its β = 0.1, are held;
more strengths are in `frontier`.
Lengths and learning rates were set on seed 100 so that the runs go far enough.
"""

from rlhf_lab.experiments.review_paths import best_of_n_path, dpo_path, grpo_path, ppo_path
from rlhf_lab.experiments.review_task import side_by_side, task
from rlhf_lab.train.loop import History

VARIANTS = {f"overoptimisation-{pairs}": {"pairs": pairs} for pairs in (250, 800, 2000)}


def run(seed: int, *, pairs: int) -> History:
    """Five ways on one reward model; the columns are "ppo gold", "ppo kl", "dpo gold", ..."""
    at = task(seed, pairs=pairs)
    return side_by_side(
        {
            "ppo": ppo_path(at, at.proxy, beta=0.0),
            "ppo 0.1": ppo_path(at, at.proxy, beta=0.1),
            "grpo": grpo_path(at, at.proxy, beta=0.0),
            "dpo": dpo_path(at, beta=0.1),
            "best of n": best_of_n_path(at),
        }
    )
