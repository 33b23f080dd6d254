"""Does the adaptive KL coefficient hold its target, wherever it starts? (PPO-5, PPO-16)

Advantages are whitened, so that each step has something to follow to the end; 16 passes over each
batch of 128. Hypothesis: from coefficients 0.01, 1 and 100 the runs come to the same ones, and the
median KL of a step, once the rule has had ten steps, lies within 1/1.5 to 1.5 of the target of
0.01 nats a token. Refuted where the median is outside, or the coefficients stay apart. Piloted on
seed 100, where single steps left the band all the time and the last steps, at a small learning
rate, fell below it.
"""

from rlhf_lab.experiments.exact_ppo import exact_ppo
from rlhf_lab.masked import whiten
from rlhf_lab.train.loop import History
from rlhf_lab.train.trust_region import Penalised

STARTS, TARGET = (0.01, 1.0, 100.0), 0.01
VARIANTS = {f"adaptive-starts-{start:g}": {"start": start} for start in STARTS}


def run(seed: int, *, start: float, steps: int = 40) -> History:
    """40 batches: KL of each step to the policy before it, the coefficient, distance to π*."""
    region = Penalised(first_penalty=start, target_kl=TARGET)
    return exact_ppo(seed, trust_region=region, passes=16, steps=steps, normalise=whiten)
