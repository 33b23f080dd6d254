"""What does a policy that writes reviews learn from people, and from a machine? (FB-10 to FB-12)

For one budget a machine gives four times the labels of five people, and hardly errs; but it may
add `bias` to its worth for each word of a text. Hypothesis: without bias the machine's labels lead
to more gold reward than people's. With it texts grow longer and the labeller's own reward rises,
while gold ends below what people's labels lead to. Refuted if fair labels do no better than
people's, if texts do not grow, or if gold under the bias ends as high as people's.

Pairs of texts are written by the review model and compared; a reward model is fitted to the labels,
scaled to mean 0 and standard deviation 1 on texts of the review model, and PPO trains on it. The
mark of a text that was cut counts as a word, for the labeller and in `words`. The bias, the budget
and the settings of training were chosen on seed 100.
"""

import torch
from torch import nn

from rlhf_lab.experiments.bought_labels import EVALUATED, bought, hired, learned
from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, flawless_share, rollout
from rlhf_lab.experiments.on_the_way import measured_along
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, differences, rises, together
from rlhf_lab.feedback.annotators import Annotator
from rlhf_lab.feedback.labelling import cost
from rlhf_lab.kl import exact_kl
from rlhf_lab.logprobs import response_logits
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.rewards.functions import Reward
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.review_texts import prompts_and_texts
from rlhf_lab.worlds.reviews import END, gold_rewards, prompts

VARIANTS = {
    "biased-reviews-people": {"bias": None},
    "biased-reviews-machine-0": {"bias": 0.0},
    "biased-reviews-machine-0.3": {"bias": 0.3},
}
BUDGET = 1000.0  # in responses read by a person


def run(seed: int, *, bias: float | None, steps: int = 15, every: int = 5) -> History:
    """Gold, the labellers' own reward, words and KL before training and after each `every` steps.

    `bias` None: people.
    """
    base = frozen_copy(review_model())
    labellers = hired(bias, seed)
    labels = bought(labellers, base, seed=seed, budget=BUDGET)
    reward = learned(labels, base, seed=seed)
    policy = trainable_copy(base)
    once = {"labels": len(labels), "cost": cost(labellers[0], labels)}
    training = train_ppo(policy, reward, prompts(512, seed=1000 + seed), config(seed, steps))

    def measure() -> dict[str, float]:
        return once | evaluated(policy, base, reward, labellers, seed=seed)

    return history(measured_along(training, measure, every=every), steps=steps // every + 1)


def config(seed: int, steps: int) -> PPOConfig:
    """PPO with the rates and the KL of `policy_reviews`."""
    return PPOConfig(
        steps=steps,
        epochs=2,
        beta=0.05,
        learning_rate=3e-3,
        critic_learning_rate=3e-3,
        minibatch_size=64,
        max_tokens=MAX_TOKENS,
        end_token=END,
        seed=seed,
    )


@torch.no_grad()
def evaluated(
    policy: nn.Module, base: nn.Module, reward: Reward, labellers: list[Annotator], *, seed: int
) -> dict[str, float]:
    """Means over fresh responses: gold, the labellers' worth, the learned reward, KL in nats."""
    generator = torch.Generator().manual_seed(seed)
    responses = rollout(policy, EVALUATED, seed=10_000 + seed, generator=generator).responses
    kl = exact_kl(response_logits(policy, responses), response_logits(base, responses))
    texts = prompts_and_texts(responses)
    own = [labeller.worth(*text) for text in texts for labeller in labellers]
    return {
        "gold": gold_rewards(responses).mean().item(),
        "own": sum(own) / len(own),
        "learned": reward(responses).mean().item(),
        "kl": sum_over_tokens(kl, responses.mask).mean().item(),
        "words": sum(len(text.split()) for _, text in texts) / len(texts),
        "flawless": flawless_share(responses),
    }


def verdict(runs: Recorded) -> Verdict:
    """At the end of PPO."""
    people, fair, wordy = (
        runs[f"biased-reviews-{name}"] for name in ("people", "machine-0", "machine-0.3")
    )
    return together(
        above("gold by a fair machine less by people", differences(fair, people, "gold")),
        above("rise in words under the bias", rises(wordy, "words")),
        above("rise of the labeller's own reward under the bias", rises(wordy, "own")),
        above("gold by people less under the bias", differences(people, wordy, "gold")),
    )
