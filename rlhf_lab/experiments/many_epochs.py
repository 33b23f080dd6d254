"""How many passes over one batch does a surrogate bear, with and without the clip? (PPO-1, PPO-4)

Hypothesis: with one pass the clip does nothing, since no ratio has moved when the gradient is
taken; with 64 passes the run without it ends far from π*, and the run with it near π*, although
many of its ratios are outside 1-ε .. 1+ε. Refuted where the two end alike at 64 passes, or where
clipped ratios stay inside.
"""

from rlhf_lab.experiments.exact_ppo import exact_ppo
from rlhf_lab.train.loop import History
from rlhf_lab.train.trust_region import Clipped, Penalised

PASSES = (1, 4, 16, 64)
SURROGATES = {
    "clipped": Clipped(epsilon=0.2),
    "unclipped": Penalised(first_penalty=0.0, target_kl=None),
}
VARIANTS = {
    f"many-epochs-{name}-{passes}": {"surrogate": name, "passes": passes}
    for name in SURROGATES
    for passes in PASSES
}


def run(seed: int, *, surrogate: str, passes: int, steps: int = 20) -> History:
    """20 batches: distance to π*, KL of each step, and the share of ratios outside."""
    return exact_ppo(seed, trust_region=SURROGATES[surrogate], passes=passes, steps=steps)
