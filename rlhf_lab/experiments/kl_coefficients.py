"""Is there one coefficient of the KL to the old policy for all tasks? (PPO-2, PPO-3, PPO-5)

Two tasks in the exact world that differ in the unit of the reward alone: the second counts in
tenths, and so do its critic and its β to the reference. Both have the same π*. Advantages are not
normalised; each batch of 128 is passed over 32 times. Hypothesis: of the fixed coefficients 1 and
10, the best of the grid after two batches in the first and in the second task, 1 ends nearer to π*
in the first and 10 in the second; the clip, which compares ratios, ends alike in both; the adaptive
rule, started at 1, finds its way in both. Refuted where the same of the two is nearer in both, or
where the clip ends differently. Piloted on seed 100.
"""

import numpy as np

from rlhf_lab.experiments.exact_ppo import exact_ppo
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    together,
    within,
)
from rlhf_lab.train.loop import History
from rlhf_lab.train.trust_region import Clipped, Penalised

COEFFICIENTS, SCALES = (0.1, 1.0, 10.0), (1.0, 10.0)
REGIONS = {
    **{f"fixed-{c:g}": Penalised(first_penalty=c, target_kl=None) for c in COEFFICIENTS},
    "adaptive-0.01": Penalised(first_penalty=1.0, target_kl=0.01),
    "clip-0.2": Clipped(epsilon=0.2),
}
VARIANTS = {
    f"kl-coefficients-{name}-scale-{scale:g}": {"region": name, "reward_scale": scale}
    for name in REGIONS
    for scale in SCALES
}


def run(seed: int, *, region: str, reward_scale: float, steps: int = 20) -> History:
    """20 batches, 32 passes over each: distance to π*, KL of each step, and the coefficient."""
    settings = {"passes": 32, "steps": steps, "reward_scale": reward_scale}
    return exact_ppo(seed, trust_region=REGIONS[region], **settings)


def verdict(runs: Recorded) -> Verdict:
    """By the distance to π* at the end; 0.25 of it counts as near.

    In units of the reward 10 in the second task is 1 in the first: the part of scale 10 compares
    again what 0.1 and 1 do in the first. Nor does the grid hold 100, the 10 of the second task.
    """
    found = {
        (name, scale): runs[f"kl-coefficients-{name}-scale-{scale:g}"]
        for name in REGIONS
        for scale in SCALES
    }

    def gap(first: tuple[str, float], second: tuple[str, float]) -> np.ndarray:
        return differences(found[first], found[second], "to_optimum")

    adaptive = {scale: ends(found["adaptive-0.01", scale], "to_optimum") for scale in SCALES}
    return together(
        above("scale 1: TV with 10 less with 1", gap(("fixed-10", 1.0), ("fixed-1", 1.0))),
        above("scale 10: TV with 1 less with 10", gap(("fixed-1", 10.0), ("fixed-10", 10.0))),
        within("clip: scale 10 less 1", gap(("clip-0.2", 10.0), ("clip-0.2", 1.0)), -0.02, 0.02),
        *(below(f"adaptive, scale {s:g}: TV to π*", far, 0.25) for s, far in adaptive.items()),
    )
