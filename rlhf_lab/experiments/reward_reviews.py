"""How good is a reward model of film reviews after n noisy comparisons? (RM-1, RM-2, FB-10)

Hypothesis: accuracy against gold rises with the comparisons, past the share of labels that
are right, while accuracy on fresh labels stays below the noise ceiling. Refuted if more comparisons
do not help, if 8,000 do not pass the labels, or if accuracy on labels passes the ceiling beyond its
error of sampling. Each pair is read four times, so that more pairs also make more updates; 500
that are read sixteen times make as many as 2,000.
"""

import time

import torch

from rlhf_lab.experiments.dpo_reviews import preference_pairs
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    together,
)
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.models import frozen_copy
from rlhf_lab.preferences import preference_accuracy
from rlhf_lab.responses import Preferences
from rlhf_lab.rewards.functions import Reward, as_reward
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.rewards.quality import accuracy_against_gold, calibration, noise_ceiling
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.worlds.reviews import gold_rewards

VARIANTS = {
    "reward-reviews-500": {"pairs": 500},
    "reward-reviews-2000": {"pairs": 2000},
    "reward-reviews-8000": {"pairs": 8000},
    "reward-reviews-500-read-16-times": {"pairs": 500, "passes": 16},
}
TEMPERATURE = 0.25  # of the labels that `preference_pairs` draws
HELD_OUT = 2000
BATCH = 16


def run(seed: int, *, pairs: int, passes: int = 4) -> History:
    """One reward model, measured on held-out pairs; `seconds` is processor time of its training."""
    data = preference_pairs(frozen_copy(review_model()), pairs + HELD_OUT, seed=seed)
    start = time.process_time()
    reward = fitted_reward(data[:pairs], seed=seed, passes=passes)
    seconds = time.process_time() - start
    return {
        name: [value]
        for name, value in {
            "pairs": pairs,
            "seconds": seconds,
            "train_accuracy": label_accuracy(reward, data[:pairs]),
            **measured(reward, data[pairs:], seed=seed),
        }.items()
    }


def fitted_reward(pairs: Preferences, *, seed: int, passes: int = 4) -> Reward:
    """A reward model on the trunk of the review model, after `passes` over the pairs."""
    model = reward_model(review_model(), seed=seed)
    config = RewardModelConfig(
        steps=passes * len(pairs) // BATCH, batch_size=BATCH, learning_rate=2e-3, seed=seed
    )
    run = train_reward_model(model, ranked_pairs(pairs), config, pairwise_loss)
    history(run, steps=config.steps)
    return as_reward(response_rewards, model)


def measured(reward: Reward, held_out: Preferences, *, seed: int) -> dict[str, float]:
    """Accuracy against gold and on labels, that of the labels themselves, ceiling, calibration.

    `gold_accuracy` and `right_labels` leave out pairs that are equal in gold; `label_accuracy` and
    `ceiling` hold all pairs.
    """
    margins = reward(held_out.chosen) - reward(held_out.rejected)
    gold = gold_rewards(held_out.chosen) - gold_rewards(held_out.rejected)
    generator = torch.Generator().manual_seed(seed)
    chosen_first = torch.rand(len(margins), generator=generator) < 0.5
    signed = torch.where(chosen_first, margins, -margins)
    return {
        "gold_accuracy": accuracy_against_gold(margins, gold).item(),
        "label_accuracy": label_accuracy(reward, held_out),
        "right_labels": accuracy_against_gold(torch.ones_like(gold), gold).item(),
        "ceiling": noise_ceiling(torch.sigmoid(gold / TEMPERATURE)).item(),
        "calibration_error": calibration(signed.sigmoid(), chosen_first).error,
    }


def label_accuracy(reward: Reward, pairs: Preferences) -> float:
    """The share of pairs in which the chosen has the higher reward."""
    return preference_accuracy(reward(pairs.chosen), reward(pairs.rejected)).item()


def verdict(runs: Recorded) -> Verdict:
    """On held-out pairs."""
    few, some, many, often = (runs[name] for name in VARIANTS)
    ceilings = [
        below(
            f"{name}: accuracy on labels less the ceiling",
            ends(runs[name], "label_accuracy") - ends(runs[name], "ceiling"),
        )
        for name in VARIANTS
    ]
    return together(
        above("gold accuracy, 2,000 pairs less 500", differences(some, few, "gold_accuracy")),
        above("the same, 500 read 16 times", differences(some, often, "gold_accuracy")),
        above("gold accuracy, 8,000 pairs less 2,000", differences(many, some, "gold_accuracy")),
        above(
            "gold accuracy of 8,000 pairs less the share of right labels",
            ends(many, "gold_accuracy") - ends(many, "right_labels"),
        ),
        *ceilings,
    )
