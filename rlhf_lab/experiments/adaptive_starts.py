"""Does the adaptive KL coefficient hold its target, wherever it starts? (PPO-5, PPO-16)

Advantages are whitened, so that each step has something to follow to the end; 16 passes over each
batch of 128. Hypothesis: from coefficients 0.01, 1 and 100 the runs come to the same ones, and the
median KL of a step, once the rule has had ten steps, lies within 1/1.5 to 1.5 of the target of
0.01 nats a token. Refuted where the median is outside, or the coefficients stay apart. Piloted on
seed 100, where single steps left the band all the time and the last steps, at a small learning
rate, fell below it.
"""

from itertools import pairwise

import numpy as np

from rlhf_lab.experiments.exact_ppo import exact_ppo
from rlhf_lab.experiments.verdicts import Recorded, Verdict, together, within
from rlhf_lab.masked import whiten
from rlhf_lab.train.loop import History
from rlhf_lab.train.trust_region import Penalised

STARTS, TARGET = (0.01, 1.0, 100.0), 0.01
VARIANTS = {f"adaptive-starts-{start:g}": {"start": start} for start in STARTS}


def run(seed: int, *, start: float, steps: int = 40) -> History:
    """40 batches: KL of each step to the policy before it, the coefficient, distance to π*."""
    region = Penalised(first_penalty=start, target_kl=TARGET)
    return exact_ppo(seed, trust_region=region, passes=16, steps=steps, normalise=whiten)


def verdict(runs: Recorded) -> Verdict:
    """Medians over the steps behind the tenth, of a run; starts agree within one doubling."""
    after = {start: runs[f"adaptive-starts-{start:g}"] for start in STARTS}

    def medians(start: float, metric: str) -> np.ndarray:
        return np.array([np.median(run.metrics[metric][10:]) for run in after[start]])

    logs = {start: np.log2(medians(start, "penalty")) for start in STARTS}
    return together(
        *(
            within(
                f"median KL over the target, from {start:g}",
                medians(start, "kl_to_old") / TARGET,
                1 / 1.5,
                1.5,
            )
            for start in STARTS
        ),
        *(
            within(
                f"doublings between coefficients, {one:g} to {other:g}",
                logs[other] - logs[one],
                -1.0,
                1.0,
            )
            for one, other in pairwise(STARTS)
        ),
    )
