"""All results in reading order, and which altered lines of them say the same."""

from collections.abc import Callable
from types import ModuleType

from rlhf_lab.derivations import (
    adaptive_kl,
    baseline_variance,
    best_baseline,
    best_of_n,
    best_of_n_bound,
    bradley_terry,
    clip,
    clipping,
    cycle,
    dpo,
    fisher,
    fisher_k2,
    gae,
    gibbs,
    group_advantages,
    group_baseline,
    group_scale,
    grpo,
    identified,
    implied_reward,
    kl_chain,
    kl_estimators,
    kl_gradients,
    kl_variances,
    lagrange,
    likelihood,
    lower_bound,
    n_step_advantages,
    notes,
    notes_ppo,
    notes_preferences,
    optimal_policy,
    pairs,
    plackett_luce,
    policy_gradient,
    process_advantages,
    proportional_kl,
    rankings,
    response_lengths,
    surrogate,
    token_baseline,
    token_gradient,
    token_sequences,
    trust_region,
    two_stages,
)
from rlhf_lab.derivations.derivation import Derivation

# A module has RESULTS, its derivations in reading order, and EQUIVALENT where it needs it.
MODULES: tuple[ModuleType, ...] = (
    policy_gradient,
    token_sequences,
    token_gradient,
    token_baseline,
    gibbs,
    two_stages,
    kl_chain,
    kl_estimators,
    kl_variances,
    kl_gradients,
    baseline_variance,
    best_baseline,
    bradley_terry,
    identified,
    pairs,
    cycle,
    plackett_luce,
    rankings,
    optimal_policy,
    lagrange,
    implied_reward,
    likelihood,
    gae,
    n_step_advantages,
    surrogate,
    trust_region,
    fisher,
    fisher_k2,
    clip,
    clipping,
    lower_bound,
    adaptive_kl,
    proportional_kl,
    notes_ppo,
    dpo,
    group_advantages,
    group_scale,
    group_baseline,
    process_advantages,
    grpo,
    response_lengths,
    best_of_n,
    best_of_n_bound,
    notes,
    notes_preferences,
)


def results() -> tuple[Callable[[], Derivation], ...]:
    """Every function that builds a derivation, each once."""
    return tuple(dict.fromkeys(make for module in MODULES for make in module.RESULTS))


def equivalent() -> dict[str, str]:
    """Each altered line that says the same as the line, by the name of the mutant: why."""
    known = (getattr(module, "EQUIVALENT", {}) for module in MODULES)
    return {name: why for table in known for why, names in table.items() for name in names}
