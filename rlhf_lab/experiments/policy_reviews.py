"""What do PPO, PPO-ptx and GRPO do to a model of film reviews? (RLHF-2, RLHF-4, PPO-1, GRPO-1)

Hypothesis: each raises the gold reward by 0.7 or more within 50 steps of 64 responses; PPO makes
the model forget facts that are in no prompt, and PPO-ptx keeps them at some cost in gold. Refuted
where gold rises less, where PPO keeps the facts, or where PPO-ptx does not.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import EVALUATED, MAX_TOKENS, flawless_share, rollout
from rlhf_lab.experiments.on_the_way import measured_along
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
from rlhf_lab.kl import exact_kl
from rlhf_lab.logprobs import response_logits
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.responses import pad
from rlhf_lab.train.grpo import GRPOConfig, train_grpo
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.pretraining_mix import PretrainingMix
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.review_words import facts
from rlhf_lab.worlds.reviews import BEGIN, END, encode, gold_rewards, prompts, training_texts

VARIANTS = {
    "ppo-reviews": {"gamma_ptx": 0.0},
    "ppo-ptx-reviews": {"gamma_ptx": 0.5},
    "grpo-reviews": {"group_size": 8},
}
SETTINGS = {"max_tokens": MAX_TOKENS, "end_token": END, "minibatch_size": 64}


def run(seed: int, *, every: int = 10, **variant: float) -> History:
    """One run; measured before the first update and after each `every` steps."""
    reference = frozen_copy(review_model())
    policy = trainable_copy(reference)
    training = trained(policy, seed, **variant)
    measure = partial(evaluated, policy, reference, seed=seed)
    return history(measured_along(training, measure, every=every))


def trained(
    policy: nn.Module, seed: int, *, gamma_ptx: float = 0.0, group_size: int | None = None
) -> Iterator[Metrics]:
    """GRPO where there is a size of groups, else PPO, with pretraining texts where γ is not 0."""
    openings = prompts(512, seed=1000 + seed)
    if group_size is not None:
        config = GRPOConfig(
            steps=50,
            prompts_per_step=64 // group_size,
            group_size=group_size,
            learning_rate=2e-3,
            beta=0.02,
            seed=seed,
            **SETTINGS,
        )
        return train_grpo(policy, gold_rewards, openings, config)
    rates = {"learning_rate": 3e-3, "critic_learning_rate": 3e-3}
    config = PPOConfig(steps=30, epochs=2, beta=0.05, seed=seed, **rates, **SETTINGS)
    mix = None
    if gamma_ptx > 0:
        mix = PretrainingMix(texts=training_texts(2048, seed=seed), gamma=gamma_ptx)
    return train_ppo(policy, gold_rewards, openings, config, pretraining=mix)


@torch.no_grad()
def evaluated(policy: nn.Module, reference: nn.Module, *, seed: int) -> dict[str, float]:
    """Gold, flawless share and exact KL, nats a response, of fresh responses; share of known facts.

    The openings are drawn anew, which leaves most of them among those of training.
    """
    generator = torch.Generator().manual_seed(seed)
    responses = rollout(policy, EVALUATED, seed=10_000 + seed, generator=generator).responses
    kl = exact_kl(response_logits(policy, responses), response_logits(reference, responses))
    return {
        "gold": gold_rewards(responses).mean().item(),
        "kl": sum_over_tokens(kl, responses.mask).mean().item(),
        "flawless": flawless_share(responses),
        "facts": fact_accuracy(policy),
        "tokens": responses.mask.sum(dim=1).double().mean().item(),
    }


@torch.no_grad()
def fact_accuracy(policy: nn.Module) -> float:
    """The share of facts whose ending is the likeliest word after their opening."""
    openings, endings = zip(*facts(), strict=True)
    batch = pad([[BEGIN, *encode(text)] for text in openings], [encode(end) for end in endings])
    likeliest = response_logits(policy, batch)[:, 0].argmax(dim=-1)
    return (likeliest == batch.tokens[:, 0]).double().mean().item()


def verdict(runs: Recorded) -> Verdict:
    """Rises from before training to its end; PPO keeps the facts where it knows 0.9 of them."""
    ppo, mixed = runs["ppo-reviews"], runs["ppo-ptx-reviews"]
    return together(
        *(above(f"{name}: rise of gold", rises(runs[name], "gold"), 0.7) for name in VARIANTS),
        below("share of facts that PPO leaves", ends(ppo, "facts"), 0.9),
        above("share of facts that PPO-ptx leaves", ends(mixed, "facts"), 0.9),
        above("gold, PPO less PPO-ptx", differences(ppo, mixed, "gold")),
    )
