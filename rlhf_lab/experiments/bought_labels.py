"""Labels of reviews that a budget buys from people or a machine, and a reward model of them."""

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import rollout
from rlhf_lab.experiments.reward_reviews import fitted_reward
from rlhf_lab.feedback.annotators import Annotator, machine, person
from rlhf_lab.feedback.batches import preferences_batch
from rlhf_lab.feedback.kinds import Comparison
from rlhf_lab.feedback.labelling import compare, label_all
from rlhf_lab.feedback.tastes import length_bias
from rlhf_lab.rewards.functions import Reward, standardised
from rlhf_lab.worlds.review_texts import gold_worth, prompts_and_texts, text_ids

PRICE = 0.25  # of a response that the machine reads
EVALUATED = 256  # texts at each evaluation
READ = 4000  # labels that the reward model is trained on, repeats counted: equal for all labellers
PEOPLE = 5


def hired(bias: float | None, seed: int) -> list[Annotator]:
    """One machine that likes each word by `bias`, or some people who differ."""
    if bias is not None:
        return [machine(gold_worth, length_bias(bias), name="machine", price=PRICE)]
    return [person(gold_worth, seed=100 * seed + number) for number in range(PEOPLE)]


def bought(
    labellers: list[Annotator], base: nn.Module, *, seed: int, budget: float
) -> list[Comparison]:
    """The comparisons that the budget buys, each labeller giving as many, of different texts."""
    generator = torch.Generator().manual_seed(seed)
    count = int(budget / labellers[0].prices.comparison)
    first, second = (
        prompts_and_texts(
            rollout(base, count + count // 4, seed=seed, generator=generator).responses
        )
        for _ in range(2)
    )
    items = [(prompt, [a, b]) for (prompt, a), (_, b) in zip(first, second, strict=True) if a != b]
    if len(items) < count:
        raise ValueError(f"{count} pairs of different texts are needed, got {len(items)}")
    return [
        label
        for number, labeller in enumerate(labellers)
        for label in label_all(
            compare, labeller, items[number : count : len(labellers)], generator=generator
        )
    ]


def learned(labels: list[Comparison], base: nn.Module, *, seed: int) -> Reward:
    """A reward model of the labels, of mean 0 and standard deviation 1 on the base's own texts."""
    passes = max(1, READ // len(labels))
    reward = fitted_reward(preferences_batch(labels, text_ids), seed=seed, passes=passes)
    generator = torch.Generator().manual_seed(seed)
    samples = rollout(base, EVALUATED, seed=5000 + seed, generator=generator).responses
    return standardised(reward, samples)
