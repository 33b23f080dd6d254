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
    dapo,
    dpo,
    fisher,
    fisher_k2,
    gae,
    gae_bias,
    gae_variance,
    gibbs,
    group_advantages,
    group_baseline,
    group_scale,
    grpo,
    grpo_against_ppo,
    grpo_expected_gradient,
    grpo_fixed_points,
    grpo_maximum,
    gspo,
    identified,
    implied_reward,
    ipo,
    kl_chain,
    kl_estimators,
    kl_gradients,
    kl_variances,
    kto,
    lagrange,
    likelihood,
    listwise,
    lower_bound,
    n_step_advantages,
    notes,
    notes_ppo,
    notes_preferences,
    objective_or_loss,
    optimal_policy,
    pairs,
    plackett_luce,
    policy_gradient,
    pretraining_mix,
    process_advantages,
    proportional_kl,
    rankings,
    response_lengths,
    rlhf_objective,
    simpo,
    surrogate,
    token_baseline,
    token_gradient,
    token_penalty,
    token_sequences,
    trust_region,
    two_stages,
)
from rlhf_lab.derivations.derivation import Derivation

# A module has RESULTS, its derivations in reading order, and EQUIVALENT where it needs it.
TOPICS: dict[str, tuple[ModuleType, ...]] = {
    "Policy gradient": (
        policy_gradient,
        token_sequences,
        token_gradient,
        token_baseline,
        baseline_variance,
        best_baseline,
    ),
    "KL divergence": (
        gibbs,
        two_stages,
        kl_chain,
        kl_estimators,
        kl_variances,
        kl_gradients,
        fisher,
        fisher_k2,
    ),
    "Preferences": (
        bradley_terry,
        identified,
        pairs,
        cycle,
        plackett_luce,
        rankings,
        listwise,
        likelihood,
        notes_preferences,
    ),
    "The objective of RLHF": (rlhf_objective, token_penalty, pretraining_mix, objective_or_loss),
    "Advantages": (gae, n_step_advantages, gae_bias, gae_variance),
    "PPO": (
        surrogate,
        trust_region,
        clip,
        clipping,
        lower_bound,
        notes_ppo,
        adaptive_kl,
        proportional_kl,
    ),
    "The optimal policy": (optimal_policy, lagrange, implied_reward),
    "DPO": (dpo, notes),
    "GRPO": (
        group_advantages,
        group_scale,
        group_baseline,
        process_advantages,
        grpo,
        response_lengths,
        grpo_expected_gradient,
        grpo_fixed_points,
        grpo_maximum,
        grpo_against_ppo,
    ),
    "Best of n": (best_of_n, best_of_n_bound),
    "After DPO and GRPO": (ipo, simpo, kto, dapo, gspo),
}


def modules() -> tuple[ModuleType, ...]:
    """The modules of all topics, in reading order."""
    return tuple(module for topic in TOPICS.values() for module in topic)


def results() -> tuple[Callable[[], Derivation], ...]:
    """Every function that builds a derivation, each once."""
    return tuple(dict.fromkeys(make for module in modules() for make in module.RESULTS))


def equivalent() -> dict[str, str]:
    """Each altered line that says the same as the line, by the name of the mutant: why."""
    known = (getattr(module, "EQUIVALENT", {}) for module in modules())
    return {name: why for table in known for why, names in table.items() for name in names}
