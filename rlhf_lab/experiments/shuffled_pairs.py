"""Do pairs of one prompt overfit when they are shuffled among others? (RLHF-6)

Hypothesis (Ouyang et al. 2022, section 3.5): with all pairs of a prompt in one element a reward
model overfits less than with pairs shuffled, where each response is met in K - 1 updates a pass;
and it is cheaper, since each response is read once a pass. Refuted if the held-out loss is no
lower. Both see the same pairs, as many pairs an update, and as many updates.
"""

import time

import torch

from rlhf_lab.experiments.dpo_reviews import preference_pairs, rollout
from rlhf_lab.experiments.reward_reviews import TEMPERATURE, measured
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, differences, together
from rlhf_lab.feedback.ranked import Ranked, all_pairs, ranked_pairs, stacked
from rlhf_lab.losses import ranking_loss
from rlhf_lab.models import frozen_copy
from rlhf_lab.preferences import bradley_terry_logprob, sample_ranking
from rlhf_lab.rewards.functions import as_reward
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model
from rlhf_lab.worlds.reviews import gold_rewards

VARIANTS = {
    "shuffled-pairs-together": {"shuffled": False},
    "shuffled-pairs-shuffled": {"shuffled": True},
}
RANKS = 6  # responses a prompt
PROMPTS = 200
AT_ONCE = 4  # prompts an update
HELD_OUT = 1000


def run(seed: int, *, shuffled: bool, passes: int = 4) -> History:
    """Before training and after each pass: the loss on all training pairs, loss and accuracy on
    held-out pairs, and the processor seconds of training alone."""
    base = frozen_copy(review_model())
    ranked = rankings(base, seed=seed)
    held_out = preference_pairs(base, HELD_OUT, seed=5000 + seed)
    data = ranked_pairs(all_pairs(ranked)) if shuffled else ranked
    updates = PROMPTS // AT_ONCE  # a pass
    config = RewardModelConfig(
        steps=passes * updates,
        batch_size=len(data) // updates,
        learning_rate=2e-3,
        seed=seed,
    )
    model = reward_model(base, seed=seed)
    reward = as_reward(response_rewards, model)

    def evaluated(done: int, seconds: float) -> dict[str, float]:
        losses = -bradley_terry_logprob(reward(held_out.chosen), reward(held_out.rejected))
        return {
            "pass": done,
            "seconds": seconds,
            "train_loss": ranking_loss(reward(ranked.responses).view(-1, RANKS)).item(),
            "held_out_loss": losses.mean().item(),
        } | measured(reward, held_out, seed=seed)

    def measurements():
        yield evaluated(0, 0.0)
        seconds, start = 0.0, time.process_time()
        for metrics in train_reward_model(model, data, config, pairwise_loss):
            done, left = divmod(metrics["step"] + 1, updates)
            if not left:
                seconds += time.process_time() - start
                yield evaluated(done, seconds)
                start = time.process_time()

    return history(measurements(), steps=passes + 1)


def rankings(model: torch.nn.Module, *, seed: int) -> Ranked:
    """`RANKS` responses of the model to each prompt, ranked from gold by Plackett-Luce."""
    generator = torch.Generator().manual_seed(seed)
    written = [
        rollout(model, PROMPTS, seed=seed, generator=generator).responses for _ in range(RANKS)
    ]
    gold = torch.stack([gold_rewards(responses) for responses in written], dim=1)
    order = sample_ranking(gold / TEMPERATURE, generator)
    together = stacked(written)
    numbers = order * PROMPTS + torch.arange(PROMPTS)[:, None]
    return Ranked(together[numbers.flatten()], RANKS)


def verdict(runs: Recorded) -> Verdict:
    """After the last pass."""
    shuffled, tight = runs["shuffled-pairs-shuffled"], runs["shuffled-pairs-together"]
    return together(
        above(
            "held-out loss, shuffled less together", differences(shuffled, tight, "held_out_loss")
        ),
        above(
            "seconds of training, shuffled less together", differences(shuffled, tight, "seconds")
        ),
    )
