"""What does a critic know of a response before its end, and what is that worth? (GRPO-3, GRPO-4)

The policy is the base model of reviews, held still, so that only the critic learns: by PPO's own
value loss, from the gold reward at the last token, without a KL. Hypotheses, the second that of the
notes. (a) The critic explains more of the return the more of the response it has read, and so does
the best possible critic, known from several endings of one beginning. (b) On the same batches
of 8 openings with 8 responses each the gradient with the critic is noisier than with the mean of
the rest of the group. Refuted where the intervals over seeds say otherwise. Each seed has batches
and a critic of its own; the policy is the same in all. (The first recording had 16 batches a seed,
others for the critic than for the group: too few to compare by.)
"""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, rollout
from rlhf_lab.experiments.on_the_way import measured_along
from rlhf_lab.experiments.policy_reviews import SETTINGS
from rlhf_lab.experiments.review_gradients import (
    BATCH,
    GROUP_SIZE,
    of_group,
    variance,
    with_critic,
    without_baseline,
)
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, together
from rlhf_lab.logprobs import response_values
from rlhf_lab.models import trainable_copy, value_model
from rlhf_lab.responses import Responses, pad
from rlhf_lab.sampling import sample
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import END, gold_rewards, prompts

VARIANTS = {"critic-of-reviews": {}}
PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""shares of a response that have been read; at 1 all but its last token"""
LAMBDAS = (0.95, 1.0)
BATCHES = 200  # of 64 responses, for each variance
STILL = 1e-12  # a learning rate that moves the policy by nothing


def run(
    seed: int, *, steps: int = 20, every: int = 10, batches: int = BATCHES, openings: int = 96
) -> History:
    """By PPO steps: explained variance at each place, and the gradient's variance by baseline.

    All baselines have the same batches.
    """
    policy, generator = trainable_copy(review_model()), torch.Generator().manual_seed(seed)
    critic = value_model(policy)
    fresh = rollout(policy, 512, seed=20_000 + seed, generator=generator).responses
    fixed = {f"best_{p}": best_explained(policy, fresh[:openings], p, generator) for p in PLACES}
    drawn = [_groups(policy, seed * 1000 + n, generator) for n in range(batches)]
    gold = torch.cat([gold_rewards(responses) for responses in drawn])
    fixed |= {"gold": gold.mean().item(), "gold_std": gold.std().item()}
    fixed["variance_none"] = variance(policy, drawn, without_baseline)
    fixed["variance_group"] = variance(policy, drawn, of_group)
    config = PPOConfig(
        steps=steps, beta=0.0, learning_rate=STILL, critic_learning_rate=3e-3, seed=seed, **SETTINGS
    )
    asked = prompts(512, seed=1000 + seed)
    training = train_ppo(policy, gold_rewards, asked, config, critic=critic)

    def measure() -> dict[str, float]:
        return fixed | of_critic(policy, critic, fresh, drawn)

    return history(measured_along(training, measure, every=every))


def of_critic(
    policy: nn.Module, critic: nn.Module, fresh: Responses, batches: list[Responses]
) -> dict[str, float]:
    """1 - Var(r - V) / Var(r) at each place, and the variance of the gradient with each λ."""
    with torch.no_grad():
        values = response_values(critic, fresh)
    rewards = gold_rewards(fresh)
    found = {}
    for place in PLACES:
        errors = rewards - values.gather(1, tokens_read(fresh, place)[:, None])[:, 0]
        found[f"explained_{place}"] = (1 - errors.var() / rewards.var()).item()
    for lam in LAMBDAS:
        found[f"variance_critic_{lam}"] = variance(policy, batches, with_critic(critic, lam))
    return found


def best_explained(
    policy: nn.Module, responses: Responses, place: float, generator: torch.Generator
) -> float:
    """1 - E[Var(r | what has been read)] / Var(r), from 8 endings of each beginning."""
    read = tokens_read(responses, place)
    asked = [row[mask].tolist() for row, mask in zip(*responses.arrays[:2], strict=True)]
    begun = [[*a, *t[:n].tolist()] for a, t, n in zip(asked, responses.tokens, read, strict=True)]
    batch = pad([row for row in begun for _ in range(8)], [[END]] * (8 * len(begun)))
    settings = {"max_tokens": MAX_TOKENS, "end_token": END, "generator": generator}
    ended = sample(policy, batch.prompts, batch.prompt_mask, **settings)
    rewards = gold_rewards(ended.responses).view(-1, 8)
    return (1 - rewards.var(dim=1).mean() / rewards.flatten().var()).item()


def tokens_read(responses: Responses, place: float) -> Int[Tensor, "batch"]:
    """The number of response tokens read at a place: 0 to one less than all."""
    return ((responses.mask.sum(dim=1) - 1) * place).round().long()


def _groups(policy: nn.Module, seed: int, generator: torch.Generator) -> Responses:
    asked = pad(prompts(BATCH // GROUP_SIZE, seed=seed), [[END]] * (BATCH // GROUP_SIZE))
    rows = torch.arange(len(asked)).repeat_interleave(GROUP_SIZE)
    ids, mask = asked.prompts[rows], asked.prompt_mask[rows]
    settings = {"max_tokens": MAX_TOKENS, "end_token": END, "generator": generator}
    return sample(policy, ids, mask, **settings).responses


def verdict(runs: Recorded) -> Verdict:
    """After the last step of PPO."""
    found = runs["critic-of-reviews"]
    first, last = PLACES[0], PLACES[-1]

    def gained(which: str) -> np.ndarray:
        return ends(found, f"{which}_{last}") - ends(found, f"{which}_{first}")

    noisier = ends(found, "variance_critic_1.0") / ends(found, "variance_group")
    return together(
        above("(a) explained variance at the end less at the start", gained("explained")),
        above("the same of the best critic", gained("best")),
        above("(b) variance with the critic over that with the group", noisier, 1.0),
    )
