"""What does PPO do if the clipped term lacks the advantage, as the notes print it? (PPO-15)

Printed: min(ρ Â, clip(ρ, 1-ε, 1+ε)). For Â < 0 its first term is always the smaller one, so that
nothing stops a ratio from falling; for Â > 1 its second term is wherever ρ > (1-ε) / Â: there every
such advantage counts as 1 within 1-ε .. 1+ε, and as 0 below. Hypothesis: each step goes further
from the old policy, the end is further from π*, and the reward's scale, which the right objective
does not feel where β has the same scale, decides where the run ends. Refuted where the two
objectives do alike.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.exact_ppo import exact_ppo
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
from rlhf_lab.masked import masked_mean
from rlhf_lab.train.loop import History
from rlhf_lab.train.trust_region import Clipped, Mask, Tokens


@dataclass(frozen=True, kw_only=True)
class PrintedClip(Clipped):
    """The objective as the notes print it."""

    def loss(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
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
    settings = {"passes": 8, "steps": steps, "reward_scale": reward_scale}
    found = exact_ppo(seed, trust_region=OBJECTIVES[objective], **settings)
    return {name: found[name] for name in ("step", "kl_to_old", "to_optimum")}


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
