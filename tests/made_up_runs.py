"""Made-up runs for the verdict of each experiment: such that it holds, and such that it does not.

`HOLDS[name]` gives the metrics of each variant; the key "*" those that all variants have. A metric
is a path, one number a row. `REFUTES[name]` is what is changed in them so that a part is refuted.
"""

from rlhf_lab.experiments.gradient_estimates import VARIANTS as GRADIENTS

Metrics = dict[str, list[float]]

HOLDS: dict[str, dict[str, Metrics]] = {
    "delayed_reward": {
        "delayed-reward-gamma-0": {"expected_return": [4.0]},
        "delayed-reward-gamma-1": {"expected_return": [7.3]},
    },
    "imitation": {
        "imitation-best": {"copy": [7.375] * 7},
        "imitation-slips": {"copy": [5.0] * 7},
        "imitation-puts-off": {"copy": [5.0] * 7},
        "delayed-reward-gamma-1": {"expected_return": [5.0] * 100 + [7.3]},
    },
    "mixed_demonstrations": {
        "*": {
            "demonstrations of the first kind": [1.0],
            "demonstrations of the second kind": [-1.0],
            "SFT on both": [0.0],
            "SFT on what the first prefer": [0.5],
            "preferences of the first": [1.5],
            "preferences of both": [0.0],
        }
    },
    "penalty_at_old": {
        "*": {"to_optimum": [0.5, 0.4], "kl_to_old": [0.1, 0.1]},
        "penalty-at-old-policy-gradient-16": {"to_optimum": [0.5, 0.9]},
        "penalty-at-old-penalty-1-16": {"kl_to_old": [0.2, 0.3]},
    },
    "method_cost": {
        "*": {
            "ppo_seconds": [2.0],
            "grpo_seconds": [1.0],
            "dpo_seconds": [0.5],
            "ppo_held_bytes": [3.0],
            "grpo_held_bytes": [2.0],
        }
    },
    "first_policy": {
        "first-policy-random": {"gold": [-1.0, -0.5], "flawless": [0.0, 0.0]},
        "first-policy-pretrained": {"gold": [-0.1, 0.7], "flawless": [0.8, 0.9]},
        "first-policy-fine-tuned": {"gold": [0.4, 0.75], "flawless": [0.8, 0.9]},
    },
    "feedback_to_policy": {
        "*": {"gold": [-0.1, 0.1], "blaming": [0.4, 0.4], "harsh": [0.2, 0.2]},
        "feedback-to-policy": {"gold": [-0.1, 0.6], "blaming": [0.4, 0.1], "harsh": [0.2, 0.02]},
    },
    "label_kinds": {
        "label-kinds-thumb": {"error": [0.3]},
        "label-kinds-rating": {"error": [0.2]},
        "label-kinds-comparison": {"error": [0.3]},
        "label-kinds-ranking-of-4": {"error": [0.2]},
        "label-kinds-ranking-of-8": {"error": [0.1]},
        "label-kinds-rejected-only": {"error": [0.6]},
        "label-kinds-thumbs-down": {"error": [0.4]},
    },
    "disagreement": {
        "*": {
            "agreement": [0.7],
            "ceiling": [0.7],
            "label_accuracy": [0.7],
            "gold_accuracy": [0.9],
        },
        "disagreement-0": {
            "agreement": [0.8],
            "ceiling": [0.8],
            "label_accuracy": [0.8],
            "gold_accuracy": [0.95],
        },
    },
    "biased_labeller": {
        "*": {"kl": [0.0, 4.0], "gold": [0.0, 1.0], "own": [0.0, 1.0], "topic": [0.3, 0.4]},
        "biased-labeller-machine-0": {"gold": [0.0, 1.5], "own": [0.0, 1.5]},
        "biased-labeller-machine-3": {"gold": [0.0, 0.5], "own": [0.0, 3.0], "topic": [0.3, 1.0]},
    },
    "biased_reviews": {
        "*": {"gold": [0.0, 0.3], "own": [0.0, 0.3], "words": [8.0, 8.0]},
        "biased-reviews-machine-0": {"gold": [0.0, 0.5]},
        "biased-reviews-machine-0.3": {"gold": [0.0, 0.0], "own": [2.0, 5.0], "words": [8.0, 19.0]},
    },
    "intransitive": {
        "*": {
            "excess": [0.0],
            "ceiling": [0.8],
            "score_accuracy": [0.8],
            "self_agreement": [0.8],
        },
        "intransitive-noise": {
            "ceiling": [0.6],
            "score_accuracy": [0.6],
            "self_agreement": [0.5],
        },
        "intransitive-weak": {"excess": [0.04], "ceiling": [0.85], "score_accuracy": [0.83]},
        "intransitive-strong": {"excess": [0.2], "ceiling": [0.95], "score_accuracy": [0.8]},
    },
    "reward_reviews": {
        "*": {"ceiling": [0.82], "label_accuracy": [0.7], "right_labels": [0.85]},
        "reward-reviews-500": {"gold_accuracy": [0.7]},
        "reward-reviews-2000": {"gold_accuracy": [0.8]},
        "reward-reviews-8000": {"gold_accuracy": [0.9]},
        "reward-reviews-500-read-16-times": {"gold_accuracy": [0.7]},
    },
    "shuffled_pairs": {
        "shuffled-pairs-together": {"held_out_loss": [0.55], "seconds": [4.0]},
        "shuffled-pairs-shuffled": {"held_out_loss": [0.65], "seconds": [16.0]},
    },
    "reward_cost": {
        "*": {
            "explicit_bytes": [3.0],
            "implicit_bytes": [2.0],
            "dpo_step_seconds": [0.7],
            "reference_seconds": [0.3],
            "fit_step_seconds": [0.9],
            "score_seconds": [0.2],
        }
    },
    "reward_overfitting": {
        "*": {
            "seen_loss": [0.69, 0.5, 0.3],
            "fresh_loss": [0.69, 0.6, 0.9],
            "gain": [0.0, 0.8, 0.6],
            "possible": [0.0, 1.0, 2.0],
        }
    },
    "edited_reward": {
        "*": {
            "explicit_objective": [0.6],
            "explicit_edited_objective": [0.85],
            "implicit_edited_objective": [0.85],
            "implicit_begins": [0.6],
            "best_begins": [0.3],
        }
    },
    "preference_models": {
        "*": {"score_accuracy": [1.0], "general_accuracy": [1.0]},
        "preference-models-ladder-turned-0.2": {"general_accuracy": [0.9]},
        "preference-models-ladder-turned-0.4": {"general_accuracy": [0.8]},
        "preference-models-circle-turned-0.0": {"score_accuracy": [0.5]},
    },
    "token_rewards": {
        "*": {"share": [0.9], "relative_noise": [4.0]},
        "token-rewards-own-noise-0.0": {"share": [0.99], "relative_noise": [1.0]},
        "token-rewards-token-noise-0.0": {"share": [0.95], "relative_noise": [3.0]},
        "token-rewards-token-noise-3.0": {"share": [0.6]},
    },
    "negative_feedback": {
        "*": {"objective": [0.2, 0.3, 0.4, 0.5, 0.6], "begins": [0.3] * 5},
        "negative-feedback-positive": {"objective": [0.5, 0.6, 0.7, 0.8, 0.8]},
        "negative-feedback-model-with-a-habit": {
            "begins": [0.5, 0.6, 0.6, 0.7, 0.7],
            "should_begin": [0.2] * 5,
        },
    },
    "policy_reviews": {
        "*": {"gold": [-0.1, 0.9], "facts": [1.0, 0.2]},
        "ppo-ptx-reviews": {"gold": [-0.1, 0.7], "facts": [1.0, 1.0]},
    },
    "three_stages": {
        "*": {
            "pretrained gold": [-0.1],
            "sft gold": [0.2],
            **{
                f"ppo {beta} {metric}": [number]
                for beta, numbers in {
                    "0.0": (0.3, 2.0, 60, 0.1, 0.5),
                    "0.1": (0.8, 1.5, 4, 0.9, 0.9),
                }.items()
                for metric, number in zip(
                    ("gold", "proxy", "kl", "flawless", "distinct"), numbers, strict=True
                )
            },
        }
    },
    "overoptimisation": {
        "*": {
            f"{method} {metric}": path
            for method in ("ppo", "grpo", "dpo", "best of n")
            for metric, path in {"gold": [0.0, 0.5, 0.5], "proxy": [0.0, 1.0, 2.0]}.items()
        },
        "overoptimisation-250": {f"{m} gold": [0.0, 0.5, -0.2] for m in ("ppo", "grpo", "dpo")},
    },
    "frontier": {
        "*": {
            f"{name} {metric}": path
            for name, gold in {
                **dict.fromkeys(("ppo", "ppo 0.1", "ppo 0.3"), 0.3),
                **dict.fromkeys(("dpo", "dpo 0.3", "dpo 1.0"), 0.4),
                "sft": 0.1,
            }.items()
            for metric, path in {"gold": [0.0, gold], "kl": [0.0, 1.0]}.items()
        }
    },
    "alignment_tax": {
        "*": {"gold": [0.0, 0.4], "facts": [1.0, 0.5], "pretraining_loss": [1.1, 1.8]},
        "alignment-tax-beta-0.8": {"gold": [0.0, 0.1]},
        "alignment-tax-gamma-0.05": {"facts": [1.0, 1.0], "pretraining_loss": [1.1, 1.4]},
        "alignment-tax-gamma-0.5": {"facts": [1.0, 1.0], "pretraining_loss": [1.1, 1.4]},
    },
    "gradient_estimates": {
        name: {
            "bias": [0.9 if "0" in name else 0.1, *[0.1] * 3],
            "standard_error": [0.1] * 4,
            "variance": [1.0, 1.5, 2.0, 3.0 if "0" in name else 2.0],
        }
        for name in GRADIENTS
    }
    | {"gradient-group-mean": {"bias": [0.9] * 4, "standard_error": [0.1] * 4}},
    "many_epochs": {
        "*": {"to_optimum": [0.4, 0.2], "outside": [0.5, 0.1]},
        "many-epochs-unclipped-64": {"to_optimum": [0.9, 0.9]},
    },
    "ppo_grid": {
        "*": {"end_gold": [0.2], "outside": [0.5]},
        "ppo-grid-clip-0.2": {"end_gold": [0.5]},
        "ppo-grid-fixed-10-over-all": {"end_gold": [0.4]},
        "ppo-grid-adaptive-0.3": {"end_gold": [0.4]},
    },
    "kl_coefficients": {
        "*": {"to_optimum": [0.6]},
        "kl-coefficients-fixed-1-scale-1": {"to_optimum": [0.1]},
        "kl-coefficients-fixed-10-scale-10": {"to_optimum": [0.1]},
        "kl-coefficients-adaptive-0.01-scale-1": {"to_optimum": [0.1]},
        "kl-coefficients-adaptive-0.01-scale-10": {"to_optimum": [0.1]},
    },
    "adaptive_starts": {"*": {"penalty": [1.0] * 20, "kl_to_old": [0.01] * 20}},
    "printed_clip": {
        "clip-right-scale-1.0": {"kl_to_old": [0.1], "to_optimum": [0.1]},
        "clip-right-scale-8.0": {"kl_to_old": [0.1], "to_optimum": [0.1]},
        "clip-printed-scale-1.0": {"kl_to_old": [0.3], "to_optimum": [0.2]},
        "clip-printed-scale-8.0": {"kl_to_old": [0.3], "to_optimum": [0.3]},
    },
    "dpo_reviews": {
        "*": {
            "gold": [0.0, 0.5],
            "kl": [0.0, 2.0],
            "chosen_gain": [0.0, 1.0],
            "rejected_gain": [0.0, -1.0],
        },
        "dpo-reviews-beta-0.1": {"kl": [0.0, 6.0]},
        "dpo-reviews-beta-1.0": {"kl": [0.0, 0.5]},
    },
    "reference_samples": {
        "*": {"gold": [0.0, 0.1], "clip_fraction": [0.0, 0.1]},
        "samples-of-the-old-policy": {"gold": [0.0, 0.6]},
    },
    "supervision": {
        "sums-outcome": {"right": [0.5, 0.7, 0.9], "invalid": [0.6, 0.5, 0.4], "steps": [0, 1, 2]},
        "sums-process": {"right": [0.5, 0.8, 0.95], "invalid": [0.6, 0.2, 0.05]},
    },
    "fixed_points": {
        "*": {"to_optimum": [0.3], "to_prediction": [0.01], "kl": [1.4]},
        **{
            f"fixed-points-{name}": {"to_optimum": [0.01]}
            for name in (
                "ppo",
                "leave-one-out-kl-in-reward",
                "group-mean-kl-in-reward",
                "mean-and-std-kl-in-reward",
            )
        },
        "fixed-points-ppo-scale-4.0": {"kl": [4.5]},
        "fixed-points-ppo-scale-0.25": {"kl": [0.1]},
    },
    "fixed_point_gpt2": {"*": {"to_optimum": [0.01]}},
    "length_bias": {
        "*": {"length_of_right": [4.2, 4.2], "length_of_wrong": [4.2, 4.2]},
        "length-bias-own-length": {"length_of_right": [4.2, 3.8], "length_of_wrong": [4.2, 4.6]},
    },
    "critic": {
        "*": {
            "explained_0.0": [0.0, 0.1],
            "explained_1.0": [0.0, 0.6],
            "best_0.0": [0.1],
            "best_1.0": [0.8],
            "variance_critic_1.0": [6.0, 6.0],
            "variance_group": [5.0, 5.0],
        }
    },
}

REFUTES: dict[str, dict[str, Metrics]] = {
    "delayed_reward": {"delayed-reward-gamma-0": {"expected_return": [7.0]}},
    "imitation": {"imitation-slips": {"copy": [9.0] * 7}},
    "mixed_demonstrations": {"mixed-demonstrations": {"preferences of both": [0.5]}},
    "penalty_at_old": {"penalty-at-old-penalty-10-1": {"to_optimum": [0.5, 0.3]}},
    "method_cost": {"method-cost-128": {"dpo_seconds": [1.5]}},
    "first_policy": {"first-policy-random": {"flawless": [0.0, 0.5]}},
    "feedback_to_policy": {"feedback-to-policy-no-penalty": {"gold": [-0.1, 0.9]}},
    "label_kinds": {"label-kinds-thumb": {"error": [0.15]}},
    "disagreement": {"disagreement-1": {"label_accuracy": [0.75]}},
    "biased_labeller": {"biased-labeller-people": {"gold": [0.0, 0.2]}},
    "biased_reviews": {"biased-reviews-machine-0": {"gold": [0.0, 0.2]}},
    "intransitive": {"intransitive-noise": {"excess": [0.1]}},
    "reward_reviews": {"reward-reviews-8000": {"gold_accuracy": [0.84]}},
    "shuffled_pairs": {"shuffled-pairs-shuffled": {"held_out_loss": [0.5]}},
    "reward_cost": {"reward-cost-64": {"fit_step_seconds": [0.5]}},
    "reward_overfitting": {
        f"reward-overfitting-implicit-{n}": {"possible": [0.0, 1.0, 0.7]} for n in (300, 1000, 3000)
    },
    "edited_reward": {"edited-reward-bias-3": {"implicit_edited_objective": [0.5]}},
    "preference_models": {"preference-models-circle-turned-0.0": {"score_accuracy": [0.9]}},
    "token_rewards": {"token-rewards-token-noise-0.0": {"share": [0.8]}},
    "negative_feedback": {"negative-feedback-better-model": {"objective": [0.9] * 5}},
    "policy_reviews": {"ppo-reviews": {"facts": [1.0, 1.0]}},
    "three_stages": {"three-stages": {"ppo 0.0 gold": [0.95]}},
    "overoptimisation": {"overoptimisation-2000": {"dpo gold": [0.0, 0.5, -0.5]}},
    "frontier": {"frontier-reviews": {"ppo 0.3 gold": [0.0, 0.7]}},
    "alignment_tax": {"alignment-tax-beta-0.2": {"facts": [1.0, 1.1]}},
    "gradient_estimates": {"gradient-leave-one-out": {"bias": [0.9] * 4}},
    "many_epochs": {"many-epochs-unclipped-64": {"to_optimum": [0.4, 0.1]}},
    "ppo_grid": {"ppo-grid-fixed-1": {"end_gold": [0.9]}},
    "kl_coefficients": {"kl-coefficients-clip-0.2-scale-10": {"to_optimum": [0.9]}},
    "adaptive_starts": {"adaptive-starts-1": {"kl_to_old": [0.05] * 20}},
    "printed_clip": {"clip-printed-scale-8.0": {"to_optimum": [0.05]}},
    "dpo_reviews": {"dpo-reviews-beta-0.3": {"chosen_gain": [0.0, -1.0]}},
    "reference_samples": {"samples-of-the-reference": {"gold": [0.0, 0.6]}},
    "supervision": {"sums-outcome": {"invalid": [0.6, 0.5, 0.1]}},
    "fixed_points": {"fixed-points-leave-one-out-kl-in-loss": {"to_prediction": [0.2]}},
    "fixed_point_gpt2": {"fixed-point-ppo-gpt2": {"to_optimum": [0.3]}},
    "length_bias": {"length-bias-one-divisor": {"length_of_right": [4.2, 3.8]}},
    "critic": {"critic-of-reviews": {"variance_critic_1.0": [6.0, 4.0]}},
}
