"""Is the first step on TRPO's penalised objective a step of the policy gradient? (PPO-13)

At the old policy the ratio is 1 and the KL has slope 0, so that E[ρ Â - β KL] has the gradient of
E[Â log π] for every β. Hypothesis: with one update a batch, runs on the penalised objective at two
β and on Â log π itself are the same run; with 16 updates a batch they are not, and a larger β then
keeps each step shorter. Refuted where one update tells them apart, or where 16 do not.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.exact_ppo import exact_ppo
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, rows, shared, together, within
from rlhf_lab.masked import masked_mean
from rlhf_lab.train.loop import History
from rlhf_lab.train.trust_region import Mask, Penalised, Tokens


@dataclass(frozen=True, kw_only=True)
class PolicyGradient(Penalised):
    """The policy gradient itself: no ratio to the old policy, and no penalty."""

    def loss(
        self, logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, penalty: float
    ) -> Float[Tensor, ""]:
        """-mean Â log π."""
        return -masked_mean(advantages * logprobs, mask)


OBJECTIVES = {
    "policy-gradient": PolicyGradient(first_penalty=0.0, target_kl=None),
    "penalty-1": Penalised(first_penalty=1.0, target_kl=None),
    "penalty-10": Penalised(first_penalty=10.0, target_kl=None),
}
VARIANTS = {
    f"penalty-at-old-{name}-{passes}": {"objective": name, "passes": passes}
    for name in OBJECTIVES
    for passes in (1, 16)
}


def run(seed: int, *, objective: str, passes: int, steps: int = 10) -> History:
    """Batches of 128 in the exact world: KL of each step to the policy before it, TV to π*."""
    return exact_ppo(seed, trust_region=OBJECTIVES[objective], passes=passes, steps=steps)


def verdict(runs: Recorded) -> Verdict:
    """By the largest gap in TV to π* between two runs, over their steps."""

    def gap(penalty: int, passes: int) -> np.ndarray:
        names = ("policy-gradient", f"penalty-{penalty}")
        pair = shared(*(runs[f"penalty-at-old-{name}-{passes}"] for name in names))
        here, there = (rows(each, "to_optimum") for each in pair)
        return abs(here - there).max(axis=1)

    both = shared(*(runs[f"penalty-at-old-penalty-{penalty}-16"] for penalty in (1, 10)))
    longest = [rows(each, "kl_to_old").max(axis=1) for each in both]
    words = "gap to the policy gradient"
    return together(
        *(within(f"one update: {words}, β = {p}", gap(p, 1), -1e-6, 1e-6) for p in (1, 10)),
        *(above(f"16 updates: {words}, β = {p}", gap(p, 16), 0.001) for p in (1, 10)),
        above("16 updates: longest step, β = 1 less β = 10, nats", longest[0] - longest[1]),
    )
