"""How much gold does each method buy for its KL, over its own strengths? (DPO-1, DPO-3, RLHF-3)

Hypothesis (Rafailov et al. 2023, figure 2 left): at equal KL, DPO earns at least as much as PPO on
a learned reward, and both earn more than fine-tuning on the chosen. Refuted where PPO's points lie
above DPO's. All know the same 2,000 noisy comparisons; PPO on gold itself, which no method can
know, is the ceiling. Each run gives its points along the way. The strengths β = 0 and 0.1 of PPO, 0
of GRPO and 0.1 of DPO, and best-of-n, on the same tasks, are in `overoptimisation`.
"""

from rlhf_lab.experiments.review_paths import dpo_path, grpo_path, ppo_path, sft_path
from rlhf_lab.experiments.review_task import side_by_side, task
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.reviews import gold_rewards

VARIANTS = {"frontier-reviews": {"pairs": 2000}}
PPO_BETAS = (0.3,)
GRPO_BETAS = (0.2,)
DPO_BETAS = (0.3, 1.0)


def run(seed: int, *, pairs: int) -> History:
    """All methods at all strengths; the columns are "ppo 0.3 gold", "sft kl", ..."""
    at = task(seed, pairs=pairs)
    return side_by_side(
        {f"ppo {beta}": ppo_path(at, at.proxy, beta=beta) for beta in PPO_BETAS}
        | {f"grpo {beta}": grpo_path(at, at.proxy, beta=beta) for beta in GRPO_BETAS}
        | {f"dpo {beta}": dpo_path(at, beta=beta) for beta in DPO_BETAS}
        | {"ppo on gold": ppo_path(at, gold_rewards, beta=0.05), "sft": sft_path(at)}
    )
