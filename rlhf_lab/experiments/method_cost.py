"""What do PPO, GRPO and DPO cost on the same model, in memory and time? (GRPO-2, DPO-3)

Hypothesis: PPO holds and trains one network more than GRPO, the critic, and its step takes longer;
a step of DPO on as many responses takes less time than either, since it samples nothing. Refuted
where PPO's step takes no longer than GRPO's, or where DPO's takes as long as one of them.

A GPT-2 of the review world's vocabulary with random weights; each step reads 64 responses, one pass
over them. Times are processor seconds, the median of several steps: compare them with one another.
"""

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS
from rlhf_lab.experiments.reward_cost import between_steps, random_pairs, size
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, ends, together
from rlhf_lab.models import frozen_copy, tiny_gpt2, trainable_copy, value_model
from rlhf_lab.train.dpo import DPOConfig, train_dpo
from rlhf_lab.train.grpo import GRPOConfig, train_grpo
from rlhf_lab.train.loop import History
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.worlds.reviews import VOCABULARY, gold_rewards, prompts

VARIANTS = {"method-cost-64": {"width": 64}, "method-cost-128": {"width": 128}}
RESPONSES = 64
ADAM = 3  # numbers beside each trained weight: its gradient and two moments


def run(seed: int, *, width: int, steps: int = 6) -> History:
    """Seconds a step, bytes of weights held, and bytes with what Adam keeps, of each method."""
    policy = tiny_gpt2(len(VOCABULARY), layers=2, width=width, heads=2, context=64, seed=seed)
    reference = frozen_copy(policy)
    asked = prompts(512, seed=seed)
    same = {"steps": steps, "epochs": 1, "minibatch_size": RESPONSES, "max_tokens": MAX_TOKENS}
    ppo = PPOConfig(batch_size=RESPONSES, beta=0.02, end_token=None, seed=seed, **same)
    grpo = GRPOConfig(beta=0.02, end_token=None, seed=seed, **same)
    dpo = DPOConfig(steps=steps, batch_size=RESPONSES // 2, seed=seed)
    pairs = random_pairs(seed)
    runs = {
        "ppo": train_ppo(trainable_copy(policy), gold_rewards, asked, ppo),
        "grpo": train_grpo(trainable_copy(policy), gold_rewards, asked, grpo),
        "dpo": train_dpo(trainable_copy(policy), reference, pairs, dpo),
    }
    table: History = {f"{name}_seconds": [between_steps(each)] for name, each in runs.items()}
    critic = size(value_model(policy))
    for name in runs:
        trained = size(policy) + (critic if name == "ppo" else 0)
        table[f"{name}_held_bytes"] = [trained + size(reference)]
        table[f"{name}_adam_bytes"] = [trained * (1 + ADAM) + size(reference)]
    return table


def verdict(runs: Recorded) -> Verdict:
    """Ratios of two methods on the same model."""
    parts = []
    for name, settings in VARIANTS.items():
        ppo, grpo, dpo = (ends(runs[name], f"{m}_seconds") for m in ("ppo", "grpo", "dpo"))
        held = ends(runs[name], "ppo_held_bytes") / ends(runs[name], "grpo_held_bytes")
        width = settings["width"]
        parts += [
            above(f"width {width}: weights held, PPO over GRPO", held, 1.0),
            above(f"width {width}: time of a step, PPO over GRPO", ppo / grpo, 1.0),
            below(f"width {width}: time of a step, DPO over GRPO", dpo / grpo, 1.0),
        ]
    return together(*parts)
