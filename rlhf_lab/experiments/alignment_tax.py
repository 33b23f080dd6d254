"""What repairs the alignment tax: pretraining texts, or a larger KL weight? (RLHF-4, RLHF-10)

Hypothesis (Ouyang et al. 2022, section 4.2, figures 33 and 34): PPO on reviews loses facts that no
prompt asks for, and the loss on pretraining texts drawn anew rises; with γ > 0 both come back at
little cost in reward, and with a larger β they come back less, or at more cost. Refuted where some
β keeps as many facts as PPO-ptx at no less gold, or where a γ costs more than a little: a tenth
of what PPO gains in gold, a bound that was written after the runs.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS
from rlhf_lab.experiments.on_the_way import measured_along
from rlhf_lab.experiments.policy_reviews import evaluated
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    rises,
    shared,
    together,
)
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.losses import next_token_loss
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.pretraining_mix import PretrainingMix
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import END, gold_rewards, prompts, training_texts

VARIANTS = {
    "alignment-tax-beta-0.05": {"beta": 0.05, "gamma_ptx": 0.0},
    "alignment-tax-beta-0.2": {"beta": 0.2, "gamma_ptx": 0.0},
    "alignment-tax-beta-0.8": {"beta": 0.8, "gamma_ptx": 0.0},
    "alignment-tax-gamma-0.05": {"beta": 0.05, "gamma_ptx": 0.05},
    "alignment-tax-gamma-0.5": {"beta": 0.05, "gamma_ptx": 0.5},
}
FRESH = 512  # pretraining texts, drawn anew; two in five are also among those of training
LITTLE = 0.1  # of the rise of gold by PPO


def run(seed: int, *, beta: float, gamma_ptx: float, steps: int = 18, every: int = 18) -> History:
    """Gold, KL, facts and loss on pretraining texts before and after."""
    reference = frozen_copy(review_model())
    policy = trainable_copy(reference)
    training = trained(policy, seed, beta=beta, gamma_ptx=gamma_ptx, steps=steps)
    measure = partial(measures, policy, reference, seed=seed)
    return history(measured_along(training, measure, every=every))


def trained(
    policy: nn.Module, seed: int, *, beta: float, gamma_ptx: float, steps: int
) -> Iterator[Metrics]:
    """PPO on gold, with pretraining texts where γ is not 0."""
    config = PPOConfig(
        steps=steps,
        epochs=2,
        beta=beta,
        learning_rate=3e-3,
        critic_learning_rate=3e-3,
        max_tokens=MAX_TOKENS,
        end_token=END,
        seed=seed,
    )
    mix = None
    if gamma_ptx > 0:
        mix = PretrainingMix(texts=training_texts(2048, seed=seed), gamma=gamma_ptx)
    openings = prompts(512, seed=1000 + seed)
    return train_ppo(policy, gold_rewards, openings, config, pretraining=mix)


def measures(policy: nn.Module, reference: nn.Module, *, seed: int) -> Metrics:
    """Those of `policy_reviews`, and `pretraining_loss`, nats a token of texts drawn anew."""
    return evaluated(policy, reference, seed=seed) | {"pretraining_loss": pretraining_loss(policy)}


@torch.no_grad()
def pretraining_loss(policy: nn.Module) -> float:
    """-mean log π(x_t) over tokens of texts of the grammar, 30 % of which are facts."""
    fresh = training_texts(FRESH, seed=90_000)
    return next_token_loss(response_logprobs(policy, fresh), fresh.mask).item()


def verdict(runs: Recorded) -> Verdict:
    """At the end: does each γ bring both back, at little cost? Does a larger β keep as much?"""
    plain, strong, stronger, _, mixed = (runs[name] for name in VARIANTS)
    parts = []
    for gamma in (0.05, 0.5):
        found = runs[f"alignment-tax-gamma-{gamma:g}"]
        cost = differences(plain, found, "gold") / rises(shared(plain, found)[0], "gold")
        loss = differences(found, plain, "pretraining_loss")
        parts += [
            above(f"facts, γ = {gamma:g} less PPO", differences(found, plain, "facts")),
            below("pretraining loss, the same", loss),
            below("gold lost to this γ, as a share of PPO's rise", cost, LITTLE),
        ]
    return together(
        below("change of known facts, PPO", rises(plain, "facts")),
        above("rise of the pretraining loss, PPO", rises(plain, "pretraining_loss")),
        *parts,
        above("facts, γ = 0.5 less β = 0.2", differences(mixed, strong, "facts")),
        above("gold, γ = 0.5 less β = 0.8", differences(mixed, stronger, "gold")),
    )
