"""Feedback, reward model, policy: what does each of the three contribute? (FR-7, FR-8, AL-2)

Hypothesis: comparisons train a reward model, and PPO on that model alone raises the gold reward,
which training never sees, by 0.5 or more, and halves the share of completions that blame or use a
harsh word. With one factor of the three made worse, the other two as they were (few labels; a
reward model that only counts words; no penalty for leaving the start), gold ends lower. Refuted
where gold or the shares move less, or where a factor made worse costs nothing. Few labels are read
more often, so that their reward model makes as many updates.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, flawless_share, preference_pairs, rollout
from rlhf_lab.experiments.on_the_way import measured_along
from rlhf_lab.experiments.policy_reviews import fact_accuracy
from rlhf_lab.experiments.reward_reviews import fitted_reward
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    rises,
    together,
)
from rlhf_lab.experiments.word_counts import word_count_reward
from rlhf_lab.kl import exact_kl
from rlhf_lab.logprobs import response_logits
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.responses import Responses
from rlhf_lab.rewards.functions import Reward
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.review_words import VALENCES, valence
from rlhf_lab.worlds.reviews import END, decode, gold_rewards, prompts, texts

VARIANTS = {
    "feedback-to-policy": {},
    "feedback-to-policy-few-labels": {"pairs": 60},
    "feedback-to-policy-word-counts": {"reads_order": False},
    "feedback-to-policy-no-penalty": {"beta": 0.0},
}
HARSH = frozenset(word for word, strength in VALENCES.items() if strength <= -2)
STEPS = 20
READ = 3200  # labels that the reward model is trained on, repeats counted
EVALUATED = 256  # responses at each evaluation


def run(
    seed: int,
    *,
    pairs: int = 800,
    reads_order: bool = True,
    beta: float = 0.2,
    steps: int = STEPS,
    every: int = 10,
) -> History:
    """Metrics before PPO and after each `every` steps of it, on openings drawn anew.

    `beta` weighs the KL against the reward model, whose unit is the log-odds of a label.
    """
    reference = frozen_copy(review_model())
    data = preference_pairs(reference, pairs, seed=seed)
    if reads_order:
        reward = fitted_reward(data, seed=seed, passes=READ // pairs)
    else:
        reward = word_count_reward(data)
    policy = trainable_copy(reference)
    training = trained(policy, reward, beta=beta, steps=steps, seed=seed)
    measure = partial(evaluated, policy, reference, reward, seed=seed)
    return history(measured_along(training, measure, every=every))


def trained(
    policy: nn.Module, reward: Reward, *, beta: float, steps: int, seed: int
) -> Iterator[Metrics]:
    """PPO on the reward model; gold is not looked at."""
    config = PPOConfig(
        steps=steps,
        max_tokens=MAX_TOKENS,
        end_token=END,
        minibatch_size=64,
        epochs=2,
        beta=beta,
        learning_rate=3e-3,
        critic_learning_rate=3e-3,
        seed=seed,
    )
    return train_ppo(policy, reward, prompts(512, seed=1000 + seed), config)


@torch.no_grad()
def evaluated(
    policy: nn.Module, reference: nn.Module, reward: Reward, *, seed: int
) -> dict[str, float]:
    """Both rewards, KL (nats a response), and the shares of completions of each kind."""
    generator = torch.Generator().manual_seed(seed)
    responses = rollout(policy, EVALUATED, seed=10_000 + seed, generator=generator).responses
    kl = exact_kl(response_logits(policy, responses), response_logits(reference, responses))
    return {
        "gold": gold_rewards(responses).mean().item(),
        "model_reward": reward(responses).mean().item(),
        "kl": sum_over_tokens(kl, responses.mask).mean().item(),
        "flawless": flawless_share(responses),
        "blaming": share(blaming(responses)),
        "harsh": share(harsh(responses)),
        "facts": fact_accuracy(policy),
    }


def blaming(responses: Responses) -> list[bool]:
    """Whether the text as a whole, its opening included, blames: its valence is below 0."""
    return [valence(text.split()) < 0 for text in texts(responses)]


def harsh(responses: Responses) -> list[bool]:
    """Whether the completion, without the opening, holds a word of blame of strength 2 or 3."""
    rows = zip(responses.tokens, responses.mask, strict=True)
    return [bool(HARSH & set(decode(row[real].tolist()).split())) for row, real in rows]


def share(marks: list[bool]) -> float:
    """The share that is true."""
    return sum(marks) / len(marks)


def verdict(runs: Recorded) -> Verdict:
    """From before PPO to its end; each factor made worse beside the whole."""
    whole, *worse = (runs[name] for name in VARIANTS)
    names = ("few labels", "a reward that counts words", "no penalty")
    kept = {kind: ends(whole, kind) / ends(whole, kind, 0) for kind in ("blaming", "harsh")}
    return together(
        above("rise of gold", rises(whole, "gold"), 0.5),
        *(below(f"share of {kind} texts, end over start", kept[kind], 0.5) for kind in kept),
        *(
            above(f"gold lost with {name}", differences(whole, found, "gold"))
            for name, found in zip(names, worse, strict=True)
        ),
    )
