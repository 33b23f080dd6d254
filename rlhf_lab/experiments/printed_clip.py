"""What does PPO do if the clipped term lacks the advantage, as the notes print it? (PPO-15)

Printed: min(ρ Â, clip(ρ, 1-ε, 1+ε)). For Â < 0 its first term is always the smaller one, so that
nothing stops a ratio from falling; for Â > 1 its second term is wherever ρ > (1-ε) / Â: there every
such advantage counts as 1 within 1-ε .. 1+ε, and as 0 below. Hypothesis: each step goes further
from the old policy, the end is further from π*, and the reward's scale, which the right objective
does not feel where β has the same scale, decides where the run ends. Refuted where the two
objectives do alike.
"""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    differences,
    shared,
    together,
    within,
)
from rlhf_lab.losses import probability_ratio
from rlhf_lab.masked import masked_mean, zero_at_padding
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.trust_region import Clipped
from rlhf_lab.worlds.exact import exact_world, response_distribution, rewards_of, starting_policy
from rlhf_lab.worlds.optimum import optimal_logprobs, total_variation

BETA = 0.5  # for rewards of scale 1


@dataclass(frozen=True, kw_only=True)
class PrintedClip(Clipped):
    """The objective as the notes print it."""

    def loss(
        self,
        logprobs: Float[Tensor, "batch token"],
        old_logprobs: Float[Tensor, "batch token"],
        advantages: Float[Tensor, "batch token"],
        mask: Bool[Tensor, "batch token"],
        penalty: float,
    ) -> Float[Tensor, ""]:
        """-mean min(ρ Â, clip(ρ, 1-ε, 1+ε))."""
        ratio = probability_ratio(logprobs, old_logprobs, mask)
        clipped = ratio.clamp(1 - self.epsilon, 1 + self.epsilon)
        return -masked_mean(torch.minimum(ratio * advantages, clipped), mask)


OBJECTIVES = {"right": Clipped(epsilon=0.2), "printed": PrintedClip(epsilon=0.2)}
VARIANTS = {
    f"clip-{name}-scale-{scale}": {"objective": name, "reward_scale": scale}
    for name in OBJECTIVES
    for scale in (1.0, 8.0)
}


def run(seed: int, *, objective: str, reward_scale: float, steps: int = 40) -> History:
    """PPO with eight passes over each batch of 128: its distance to π*, and how far a step goes."""
    world = exact_world(reward_scale=reward_scale, seed=seed)
    beta = BETA * reward_scale
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=beta)
    policy = starting_policy(world)
    config = PPOConfig(
        steps=steps,
        max_tokens=3,
        end_token=None,
        batch_size=128,
        minibatch_size=128,
        epochs=8,
        beta=beta,
        learning_rate=0.1,
        critic_learning_rate=0.2 * reward_scale,
        value_epsilon=1e9,
        max_grad_norm=1e9,
        normalise=zero_at_padding,
        trust_region=OBJECTIVES[objective],
        seed=seed,
    )

    def measured():
        for metrics in train_ppo(policy, partial(rewards_of, world), [[0]], config):
            now = response_distribution(policy, world.responses)
            yield {
                "step": metrics["step"],
                "kl_to_old": metrics["kl_to_old"],
                "to_optimum": total_variation(now, optimum).item(),
            }

    return history(measured(), steps=config.steps)


def verdict(runs: Recorded) -> Verdict:
    """Printed less right, world by world, at both scales of the reward."""
    parts = []
    for scale in (1.0, 8.0):
        printed, right = shared(
            *(runs[f"clip-{name}-scale-{scale}"] for name in ("printed", "right"))
        )
        steps = [
            max(a.metrics["kl_to_old"]) - max(b.metrics["kl_to_old"])
            for a, b in zip(printed, right, strict=True)
        ]
        further = differences(printed, right, "to_optimum")
        parts += [
            above(f"scale {scale:g}: largest KL of a step, printed less right", steps),
            above(f"scale {scale:g}: distance to π* at the end, the same", further),
        ]
    change = {
        name: differences(
            runs[f"clip-{name}-scale-8.0"], runs[f"clip-{name}-scale-1.0"], "to_optimum"
        )
        for name in OBJECTIVES
    }
    return together(
        *parts,
        within("distance, right objective, scale 8 less 1", change["right"], -0.02, 0.02),
        above("the same, printed", change["printed"]),
    )
