"""Every experiment that is recorded, by topic, in the order in which the book shows them."""

from rlhf_lab.experiments import (
    adaptive_starts,
    biased_labeller,
    critic,
    disagreement,
    dpo_reviews,
    edited_reward,
    fixed_point_gpt2,
    fixed_points,
    gradient_estimates,
    kl_coefficients,
    label_kinds,
    length_bias,
    many_epochs,
    policy_reviews,
    ppo_grid,
    printed_clip,
    reference_samples,
    reward_cost,
    reward_reviews,
    shuffled_pairs,
    supervision,
    token_rewards,
)

TOPICS = {
    "Feedback": (label_kinds, disagreement, biased_labeller),
    "Reward models": (reward_reviews, shuffled_pairs, token_rewards, edited_reward, reward_cost),
    "RLHF": (policy_reviews,),
    "PPO": (
        gradient_estimates,
        many_epochs,
        ppo_grid,
        kl_coefficients,
        adaptive_starts,
        printed_clip,
    ),
    "DPO": (dpo_reviews,),
    "GRPO": (
        reference_samples,
        supervision,
        fixed_points,
        fixed_point_gpt2,
        length_bias,
        critic,
    ),
}
