"""What does an explicit reward model cost beside an implicit one, in memory and time? (RM-3, RM-5)

Hypothesis: to go from comparisons to a policy, the explicit way holds one network more (policy,
reference, reward) than the implicit (policy, reference); a step of fitting the reward model costs
less than a DPO step, which runs two networks on each pair, but sampling and scoring come on top.
Refuted if memory is the same, or if fitting and scoring together cost less time than DPO.

`train_dpo` computes the reference's log-probs before its first step; in a single pass over the
data that is one reading a pair, so a DPO step is given here with the reading of its pairs.

A GPT-2 of the review world's vocabulary; times are processor seconds of this machine, the median of
several: compare them with one another only.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, together
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.models import frozen_copy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import Preferences, Responses, pad
from rlhf_lab.rewards.functions import as_reward
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.sampling import sample
from rlhf_lab.train.dpo import DPOConfig, pair_logprobs, train_dpo
from rlhf_lab.train.loop import History
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.worlds.reviews import BEGIN, VOCABULARY

VARIANTS = {
    "reward-cost-64": {"width": 64},
    "reward-cost-128": {"width": 128},
    "reward-cost-256": {"width": 256},
}
PAIRS = 32
STEPS = 8


def run(seed: int, *, width: int, layers: int = 2) -> History:
    """Weights held in bytes, and seconds of each part of either way, for `PAIRS` pairs."""
    policy = tiny_gpt2(len(VOCABULARY), layers=layers, width=width, heads=2, context=64, seed=seed)
    reference, model = frozen_copy(policy), reward_model(policy, seed=seed)
    pairs = random_pairs(seed)
    generator = torch.Generator().manual_seed(seed)
    reward = as_reward(response_rewards, model)
    dpo = DPOConfig(steps=STEPS, batch_size=PAIRS, seed=seed)
    fit = RewardModelConfig(steps=STEPS, batch_size=PAIRS, seed=seed)
    row = {
        "policy_bytes": size(policy),
        "explicit_bytes": size(policy) + size(reference) + size(model),
        "implicit_bytes": size(policy) + size(reference),
        "dpo_step_seconds": between_steps(train_dpo(trainable_copy(policy), reference, pairs, dpo)),
        "reference_seconds": seconds(lambda: torch.no_grad()(pair_logprobs)(reference, pairs)),
        "fit_step_seconds": between_steps(
            train_reward_model(model, ranked_pairs(pairs), fit, pairwise_loss)
        ),
        "score_seconds": seconds(lambda: reward(pairs.chosen)),
        "sample_seconds": seconds(
            lambda: sample(
                policy,
                pairs.chosen.prompts,
                pairs.chosen.prompt_mask,
                max_tokens=MAX_TOKENS,
                end_token=None,
                generator=generator,
            )
        ),
    }
    return {name: [value] for name, value in row.items()}


def random_pairs(seed: int) -> Preferences:
    """Pairs of responses of 30 tokens each: what they say does not change their cost."""
    generator = torch.Generator().manual_seed(seed)

    def side() -> Responses:
        tokens = torch.randint(len(VOCABULARY), (PAIRS, 30), generator=generator).tolist()
        return pad([[BEGIN] * 4] * PAIRS, tokens)

    return Preferences(side(), side())


def size(model: nn.Module) -> int:
    """Bytes of all weights, those that two layers share counted once."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def seconds(act: Callable[[], object]) -> float:
    """Processor seconds of one call, the median of five."""
    spent = []
    for _ in range(5):
        start = time.process_time()
        act()
        spent.append(time.process_time() - start)
    return median(spent)


def between_steps(run) -> float:
    """Processor seconds from one step of a run to the next, the median."""
    stamps = [time.process_time() for _ in run]
    return median(after - before for before, after in pairwise(stamps))


def verdict(runs: Recorded) -> Verdict:
    """At each width of the network."""
    parts = []
    for name, settings in VARIANTS.items():
        here, width = runs[name], settings["width"]
        step, read, fit, score = (
            ends(here, f"{part}_seconds") for part in ("dpo_step", "reference", "fit_step", "score")
        )
        dpo = step + read
        networks = ends(here, "explicit_bytes") / ends(here, "implicit_bytes")
        parts += [
            above(f"width {width}: memory, explicit over implicit", networks, 1.0),
            above(f"width {width}: a DPO step over a step of fitting, seconds", dpo / fit, 1.0),
            above(
                f"width {width}: fitting and scoring over DPO, seconds", (fit + score) / dpo, 1.0
            ),
        ]
    return together(*parts)
