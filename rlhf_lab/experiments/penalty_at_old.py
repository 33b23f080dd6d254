"""Is the first step on TRPO's penalised objective a step of the policy gradient? (PPO-13)

At the old policy the ratio is 1 and the KL has slope 0, so that E[ρ Â - β KL] has the gradient of
E[Â log π] for every β. Hypothesis: with one update a batch, runs on the penalised objective at two
β and on Â log π itself are the same run; with 16 updates a batch they are not, and a larger β then
keeps each step shorter. Refuted where one update tells them apart, or where 16 do not.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.exact_ppo import exact_ppo
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    differences,
    rows,
    shared,
    together,
    within,
)
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
    """By all steps of a run: the largest gap between two of them, and the longest step."""
    plain, one, ten = (
        {p: runs[f"penalty-at-old-{name}-{p}"] for p in (1, 16)} for name in OBJECTIVES
    )
    gap = {}
    for words, other in (("β = 1", one), ("β = 10", ten)):
        pair = shared(plain[1], other[1])
        here, there = (rows(runs, "to_optimum") for runs in pair)
        gap[words] = abs(here - there).max(axis=1)
    steps = [rows(each, "kl_to_old").max(axis=1) for each in shared(one[16], ten[16])]
    return together(
        *(
            within(f"one update: largest gap to the policy gradient, {words}", gaps, -1e-6, 1e-6)
            for words, gaps in gap.items()
        ),
        above("16 updates: longest step, β = 1 less β = 10, nats", steps[0] - steps[1]),
        above(
            "16 updates: TV to π*, policy gradient less β = 1",
            differences(plain[16], one[16], "to_optimum"),
        ),
    )
