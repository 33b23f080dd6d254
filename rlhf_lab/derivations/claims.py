"""Which derivations prove which claim of the ledger; the printed errors are in `notes.REFUSED`."""

from collections.abc import Callable

from rlhf_lab.derivations import (
    bradley_terry,
    dpo,
    gibbs,
    implied_reward,
    likelihood,
    optimal_policy,
)
from rlhf_lab.derivations.derivation import Derivation
from rlhf_lab.derivations.plackett_luce import plackett_luce

CLAIMS: dict[str, tuple[Callable[[], Derivation], ...]] = {
    # --- feedback and reward models
    # --- RLHF
    # --- PPO
    # --- DPO
    "DPO-1": (implied_reward.reward_from_policy, dpo.loss),
    "DPO-4": (
        optimal_policy.closed_form,
        optimal_policy.value_of_any_policy,
        optimal_policy.value_at_optimum,
    ),
    "DPO-5": (dpo.preference_probability, plackett_luce),
    "DPO-6": (likelihood.likelihood, likelihood.cross_entropy),
    "DPO-7": (optimal_policy.closed_form,),
    "DPO-8": (optimal_policy.sums_to_one, dpo.preference_probability),
    "DPO-9": (
        implied_reward.reward_from_policy,
        implied_reward.same_policy,
        bradley_terry.shift_invariance,
    ),
    "DPO-10": (dpo.preference_probability,),
    "DPO-11": (dpo.loss,),
    "DPO-12": (dpo.gradient,),
    "DPO-13": (dpo.weight_falls,),
    "DPO-15": (optimal_policy.closed_form, optimal_policy.value_of_any_policy),
    "DPO-16": (gibbs.log_bound, gibbs.gibbs),
    "DPO-17": (optimal_policy.is_positive, optimal_policy.sums_to_one),
    "DPO-18": (implied_reward.reward_from_policy,),
    "DPO-19": (bradley_terry.sigmoid_form, bradley_terry.from_sigmoid),
    "DPO-20": (
        likelihood.likelihood,
        likelihood.cross_entropy,
        bradley_terry.log_sigmoid_slope,
        dpo.gradient,
    ),
    # --- GRPO
}
