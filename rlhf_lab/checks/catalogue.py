"""Every exercise that has a check, by name: `check(exercises["gae"], my_gae)`."""

from rlhf_lab.checks import (
    advantages,
    averages,
    decisions,
    groups,
    kl,
    logprobs,
    models,
    policy,
    preferences,
    rankings,
)

TOPICS = {
    "Log-probs, masks, positions": logprobs.EXERCISES,
    "Means over tokens": averages.EXERCISES,
    "KL": kl.EXERCISES,
    "Rewards and advantages": (*decisions.EXERCISES, *advantages.EXERCISES),
    "PPO": policy.EXERCISES,
    "Preferences": (*rankings.EXERCISES, *preferences.EXERCISES),
    "GRPO": groups.EXERCISES,
    "Models": models.EXERCISES,
}
exercises = {exercise.name: exercise for topic in TOPICS.values() for exercise in topic}
