"""What if GRPO's groups come from the reference, as the notes print it? (GRPO-1)

The paper samples from the policy as it was before the update and keeps the reference for the KL.
Hypothesis: with responses of the reference, gold rises less than half as much, in either reading.
With the ratio to the reference the clip holds tokens near ratio 1; with responses taken for the
policy's own the good ones stay as rare as the reference makes them. Refuted where gold rises as it
does with responses of the policy.
"""

from collections.abc import Sequence

import torch
from torch import nn

from rlhf_lab.advantages import group_outcome_advantages
from rlhf_lab.diagnostics import clip_fraction
from rlhf_lab.experiments.policy_reviews import SETTINGS, evaluated
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, rises, shared, together
from rlhf_lab.losses import grpo_loss
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.runs import Run
from rlhf_lab.train.experience import sampled
from rlhf_lab.train.grpo import GRPOConfig
from rlhf_lab.train.loop import History, Metrics, history, update
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.rollouts import prompt_batch, scored
from rlhf_lab.worlds.reviews import gold_rewards, prompts

VARIANTS = {
    "samples-of-the-old-policy": {"sampler": "policy", "ratio_to": "policy"},
    "samples-of-the-reference": {"sampler": "reference", "ratio_to": "reference"},
    "samples-of-the-reference-taken-for-own": {"sampler": "reference", "ratio_to": "policy"},
}
GROUP_SIZE = 8


def run(seed: int, *, sampler: str, ratio_to: str, steps: int = 20, every: int = 10) -> History:
    """GRPO with one update a step: who writes the responses, and whose log-probs the ratio has."""
    reference = frozen_copy(review_model())
    policy = trainable_copy(reference)
    models = {"policy": policy, "reference": reference}
    config = GRPOConfig(
        steps=steps,
        group_size=GROUP_SIZE,
        prompts_per_step=8,
        learning_rate=2e-3,
        beta=0.02,
        seed=seed,
        **SETTINGS,
    )
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.learning_rate)
    generator = torch.Generator().manual_seed(seed)
    openings = prompt_batch(prompts(512, seed=1000 + seed), (policy, reference), config)

    def measured():
        yield {"steps": 0, "clip_fraction": 0.0} | evaluated(policy, reference, seed=seed)
        for step in range(steps):
            rows = torch.randint(len(openings), (config.prompts_per_step,), generator=generator)
            groups = openings[rows.repeat_interleave(GROUP_SIZE)]
            seen = sampled(models[sampler], reference, groups, config, generator)
            metrics = one_update(policy, models[ratio_to], seen, optimizer, step, config)
            if (step + 1) % every == 0:
                yield {"steps": step + 1} | metrics | evaluated(policy, reference, seed=seed)

    return history(measured())


def one_update(
    policy: nn.Module, old: nn.Module, seen, optimizer, step: int, config: GRPOConfig
) -> Metrics:
    """One step on a batch of groups, and the share of its tokens that the clip then holds."""
    responses, mask = seen.responses, seen.responses.mask
    rewards = gold_rewards(responses).view(-1, GROUP_SIZE)
    advantages = group_outcome_advantages(rewards).view(-1, 1).expand(mask.shape)
    with torch.no_grad():
        old_logprobs = scored(old, responses, config)
    new = scored(policy, responses, config)
    clipped = clip_fraction(new, old_logprobs, advantages, mask, epsilon=config.epsilon)
    loss = grpo_loss(
        new,
        old_logprobs,
        seen.reference_logprobs,
        advantages,
        mask,
        epsilon=config.epsilon,
        beta=config.beta,
    )
    rate = config.learning_rate * (1 - step / config.steps)
    update(optimizer, loss, step=step, learning_rate=rate, max_grad_norm=config.max_grad_norm)
    return {"clip_fraction": clipped.item()}


def verdict(runs: Recorded) -> Verdict:
    """Half the rise of gold with responses of the policy, less that with the reference's."""
    own, clipped, taken = (runs[name] for name in VARIANTS)

    def lags(words: str, other: Sequence[Run]) -> Verdict:
        one, two = shared(own, other)
        return above(words, rises(one, "gold") / 2 - rises(two, "gold"))

    return together(
        lags("half the rise of gold, less that with the ratio to the reference", clipped),
        lags("the same, the reference's responses taken for own", taken),
        above("tokens that the clip holds, ratio to the reference", ends(clipped, "clip_fraction")),
    )
