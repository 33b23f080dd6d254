"""How many passes over one batch does a surrogate bear, with and without the clip? (PPO-1, PPO-4)

Hypothesis: with one pass the clip does nothing, since no ratio has moved when the gradient is
taken; with 64 passes the run without it ends far from π*, and the run with it near π*, although
many of its ratios are outside 1-ε .. 1+ε. Refuted where the two end alike at 64 passes, or where
clipped ratios stay inside.
"""

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


def verdict(runs: Recorded) -> Verdict:
    """By the distance to π* at the end; 0.25 of it counts as near."""
    clipped, unclipped = (
        {passes: runs[f"many-epochs-{name}-{passes}"] for passes in PASSES} for name in SURROGATES
    )
    once = differences(clipped[1], unclipped[1], "to_optimum")
    outside = [max(run.metrics["outside"]) for run in clipped[64]]
    return together(
        within("one pass: clipped less unclipped", once, -1e-6, 1e-6),
        above(
            "64 passes: unclipped less clipped",
            differences(unclipped[64], clipped[64], "to_optimum"),
        ),
        below("64 passes, clipped: distance to π*", ends(clipped[64], "to_optimum"), 0.25),
        above("64 passes, clipped: largest share of ratios outside", outside, 0.05),
    )
