"""RLHF from end to end on film reviews: demonstrations, comparisons, PPO. (RLHF-1, RLHF-2, RLHF-3)

Hypothesis: each stage raises gold over the one before it; with β = 0 PPO goes further from the
fine-tuned model than with β = 0.1, to texts that are less fluent, less varied and no better in
gold, though better in the learned reward. Refuted where a stage does not raise gold, or where
β = 0 ends as fluent and as varied, or higher in gold.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, preference_pairs, rollout
from rlhf_lab.experiments.policy_reviews import fact_accuracy
from rlhf_lab.experiments.review_task import Task, along, evaluated, side_by_side
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, ends, together
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.responses import Preferences, Responses, pad
from rlhf_lab.rewards.functions import Reward, as_reward, standardised
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.rewards.quality import accuracy_against_gold
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.worlds.review_grammar import write_review
from rlhf_lab.worlds.review_score import gold_score
from rlhf_lab.worlds.reviews import BEGIN, END, LONGEST_PROMPT, encode, gold_rewards

VARIANTS = {"three-stages": {}}
BETAS = (0.0, 0.1)
PAIRS, PASSES, BATCH = 2000, 3, 32


def run(seed: int) -> History:
    """Each model measured; columns "pretrained gold", "sft gold", "ppo 0.0 gold", ..."""
    base, tuned = review_model(), fine_tuned(seed)
    pairs = preference_pairs(tuned, PAIRS + 500, seed=seed)
    reward = fitted_reward(tuned, pairs[:PAIRS], seed=seed)
    task = Task(frozen_copy(tuned), pairs[:PAIRS], reward, seed)
    before = {
        name: [evaluated(task, model) | {"facts": fact_accuracy(model)}]
        for name, model in {"pretrained": base, "sft": tuned}.items()
    }
    after = {f"ppo {beta}": reinforced(task, trainable_copy(tuned), beta=beta) for beta in BETAS}
    accuracy = right_order(reward, pairs[PAIRS:])
    return side_by_side(before | after) | {"reward model accuracy": [accuracy]}


def demonstrations(count: int, *, seed: int) -> Responses:
    """Stage 1's data: openings, each with the rest of a person's review, one that praises."""
    generator = torch.Generator().manual_seed(3000 + seed)
    reviews: list[list[int]] = []
    while len(reviews) < count:
        text = write_review(generator)
        if gold_score(text) > 0:
            reviews.append(encode(text))
    cuts = torch.randint(1, LONGEST_PROMPT + 1, (count,), generator=generator).tolist()
    together = list(zip(reviews, cuts, strict=True))
    return pad(
        [[BEGIN, *words[:cut]] for words, cut in together],
        [[*words[cut:], END] for words, cut in together],
    )


def fine_tuned(seed: int) -> nn.Module:
    """Stage 1: the pretrained model after supervised training on a few demonstrations."""
    model = review_model()
    config = SFTConfig(steps=30, batch_size=32, learning_rate=2e-3, warmup_steps=5, seed=seed)
    history(train_sft(model, demonstrations(320, seed=seed), config))
    return model


def fitted_reward(model: nn.Module, pairs: Preferences, *, seed: int) -> Reward:
    """Stage 2: a reward model on the trunk of `model`, of mean 0 and std 1 over its responses."""
    scorer = reward_model(model, seed=seed)
    config = RewardModelConfig(
        steps=PASSES * len(pairs) // BATCH, batch_size=BATCH, learning_rate=2e-3, seed=seed
    )
    history(train_reward_model(scorer, ranked_pairs(pairs), config, pairwise_loss))
    generator = torch.Generator().manual_seed(seed)
    written = rollout(model, 512, seed=20_000 + seed, generator=generator).responses
    return standardised(as_reward(response_rewards, scorer), written)


def reinforced(task: Task, policy: nn.Module, *, beta: float, every: int = 3) -> Iterator[Metrics]:
    """Stage 3: PPO on the reward model, `policy` trained in place and measured on the way."""
    config = PPOConfig(
        steps=18,
        epochs=2,
        beta=beta,
        learning_rate=4e-3,
        critic_learning_rate=4e-3,
        max_tokens=MAX_TOKENS,
        end_token=END,
        seed=task.seed,
    )
    training = train_ppo(policy, task.proxy, task.openings(), config)
    for row in along(task, policy, training, every=every):
        yield row | {"facts": fact_accuracy(policy)}


def right_order(reward: Reward, pairs: Preferences) -> float:
    """The share of held-out pairs that the reward orders as gold does."""
    margins, gold = (
        judge(pairs.chosen) - judge(pairs.rejected) for judge in (reward, gold_rewards)
    )
    return accuracy_against_gold(margins, gold).item()


def verdict(runs: Recorded) -> Verdict:
    """At the end of each stage."""
    found = runs["three-stages"]

    def free_less_held(metric: str) -> np.ndarray:
        return ends(found, f"ppo 0.0 {metric}") - ends(found, f"ppo 0.1 {metric}")

    tuned = ends(found, "sft gold")
    return together(
        above("gold, fine-tuned less pretrained", tuned - ends(found, "pretrained gold")),
        above("gold, PPO with β = 0.1 less fine-tuned", ends(found, "ppo 0.1 gold") - tuned),
        above("KL, β = 0 less β = 0.1", free_less_held("kl")),
        below("share of flawless texts, the same", free_less_held("flawless")),
        below("share of different texts, the same", free_less_held("distinct")),
        below("gold, the same", free_less_held("gold")),
        above("proxy, the same", free_less_held("proxy")),
    )
