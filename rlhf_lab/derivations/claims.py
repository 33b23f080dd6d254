"""Which derivations prove which claim of the ledger; the printed errors are in `notes.REFUSED`."""

from collections.abc import Callable

from rlhf_lab.derivations import (
    bradley_terry,
    clip,
    clipping,
    cycle,
    dpo,
    gibbs,
    group_advantages,
    group_scale,
    identified,
    implied_reward,
    likelihood,
    lower_bound,
    notes_ppo,
    notes_preferences,
    optimal_policy,
    pairs,
    process_advantages,
    surrogate,
    trust_region,
)
from rlhf_lab.derivations.derivation import Derivation
from rlhf_lab.derivations.plackett_luce import plackett_luce

CLAIMS: dict[str, tuple[Callable[[], Derivation], ...]] = {
    # --- feedback and reward models
    "FB-6": (pairs.number_of_pairs,),
    "RM-9": (
        bradley_terry.shift_invariance,
        identified.same_comparisons,
        pairs.shifted_pairs,
    ),
    "RM-10": (
        bradley_terry.sigmoid_form,
        bradley_terry.orders_sum_to_one,
        cycle.log_odds_by_scores,
    ),
    "RM-11": (
        cycle.cycle_of_three,
        cycle.cycle_of_any_length,
        cycle.leads_are_positive,
        cycle.the_last_loses_to_the_first,
        cycle.a_general_model_fits_a_cycle,
    ),
    # --- RLHF
    "RLHF-5": (bradley_terry.sigmoid_form, bradley_terry.from_sigmoid),
    "RLHF-6": (
        pairs.weights_of_pairs,
        pairs.mean_loss,
        notes_preferences.size_of_the_printed_loss,
    ),
    "RLHF-7": (pairs.number_of_pairs,),
    # --- PPO
    "PPO-4": (clipping.good_above, clipping.bad_below),
    "PPO-8": (
        surrogate.ratio_from_logs,
        surrogate.ratio_at_the_start,
        surrogate.mean_ratio,
        surrogate.ratio_slope,
        surrogate.importance_sampling,
    ),
    "PPO-13": (
        surrogate.surrogate_gradient,
        surrogate.surrogate_gradient_at_the_start,
        trust_region.penalty_gradient,
        trust_region.penalty_at_the_start,
        trust_region.papers_penalty_gradient,
        trust_region.papers_penalty_at_the_start,
        trust_region.penalised_gradient,
        trust_region.penalised_gradient_at_the_start,
    ),
    "PPO-14": clip.RESULTS,
    "PPO-15": (*clipping.RESULTS, *lower_bound.RESULTS, *notes_ppo.RESULTS),
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
    "GRPO-5": (
        group_advantages.sum_of_advantages,
        group_advantages.shifted_rewards,
        group_advantages.scaled_rewards,
        group_advantages.shrunk_by_epsilon,
        group_advantages.equal_rewards,
        group_scale.scale_is_lost,
        group_scale.right_answer,
    ),
    "GRPO-6": (
        process_advantages.sum_over_all_steps,
        process_advantages.rewards_to_come,
        process_advantages.one_step,
    ),
    "GRPO-7": (
        group_scale.scale_is_lost,
        group_scale.odds_bound,
        group_scale.weight_of_a_prompt,
    ),
}
