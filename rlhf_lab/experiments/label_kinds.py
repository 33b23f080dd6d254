"""What do labels of each kind tell about rewards, for the same reading? (FB-1, FB-4, FB-7, RM-16)

Hypothesis: for the same number of responses read, ratings say more than thumbs, rankings of eight
more than comparisons, and pairs of a response with a thumb down and a generated one least. Refuted
if the order is another. One annotator without bias labels responses of the exact world, each drawn
evenly. The rewards are fitted by the likelihood of each kind of label with the prior N(0, 1), which
is their true spread. So the errors compare information, not methods, but for those pairs: they are
fitted as comparisons, as practice does, though nobody compared them. What their thumbs down tell by
themselves, fitted by how often each response got one, stands beside them. So do thumbs and ratings
with as little noise on a response as orders have at the same temperature.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.label_fits import (
    fitted_rewards,
    most_likely,
    of_thumbs_down,
    pair_accuracy,
)
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, differences, together
from rlhf_lab.feedback.annotators import Annotator
from rlhf_lab.feedback.conversions import with_generated
from rlhf_lab.feedback.kinds import Comparison, Source, Thumb
from rlhf_lab.feedback.labelling import compare, cost, label_all, rank, rate, thumb
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import exact_world

EQUAL = 0.5**0.5
"""scale at which logistic noise varies as much as the Gumbel noise of scale 1 behind orders"""
VARIANTS = {
    "label-kinds-thumb": {"kind": "thumb"},
    "label-kinds-rating": {"kind": "rating"},
    "label-kinds-comparison": {"kind": "comparison"},
    "label-kinds-ranking-of-4": {"kind": "ranking", "size": 4},
    "label-kinds-ranking-of-8": {"kind": "ranking", "size": 8},
    "label-kinds-thumb-equal-noise": {"kind": "thumb", "temperature": EQUAL},
    "label-kinds-rating-equal-noise": {"kind": "rating", "temperature": EQUAL},
    "label-kinds-rejected-only": {"kind": "rejected only"},
    "label-kinds-thumbs-down": {"kind": "thumbs down"},
}
JUDGES = {
    "thumb": thumb,
    "rating": rate,
    "comparison": compare,
    "ranking": rank,
    "rejected only": thumb,
    "thumbs down": thumb,
}
SHOWN = {"comparison": 2}  # responses a label, where it is always the same and not one
BUDGETS = (250, 500, 1000, 2000, 4000, 8000, 16000)  # responses read


def run(seed: int, *, kind: str, size: int = 1, temperature: float = 1.0) -> History:
    """Error and accuracy of fitted rewards after each budget of responses read.

    `error` is the root of the mean square of fitted - true, both of mean 0; the rewards' standard
    deviation is 1. `accuracy` is that of all pairs of responses against the true rewards.
    """
    rewards = exact_world(seed=seed).rewards
    size = SHOWN.get(kind, size)
    ann = annotator(rewards, temperature)
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        torch.randperm(len(rewards), generator=generator)[:size].tolist()
        for _ in range(max(BUDGETS) // size)
    ]
    names = [[str(number) for number in numbers] for numbers in drawn]
    shown = [("x", group[0] if size == 1 else group) for group in names]
    labels = label_all(JUDGES[kind], ann, shown, generator=generator)
    history: History = {"labels": [], "cost": [], "error": [], "accuracy": []}
    for budget in BUDGETS:
        given = labels[: budget // size]
        if kind == "thumbs down":
            likelihood = of_thumbs_down(down(given), len(rewards), read=budget)
            fitted = most_likely(likelihood, len(rewards), temperature=temperature)
        else:
            pairs = kind == "rejected only"
            used = against_generated(given, len(rewards), seed) if pairs else given
            fitted = fitted_rewards(used, len(rewards), temperature=temperature)
        error = (fitted - fitted.mean()) - (rewards - rewards.mean())
        history["labels"].append(len(given))
        history["cost"].append(cost(ann, given))
        history["error"].append(error.square().mean().sqrt().item())
        history["accuracy"].append(pair_accuracy(fitted, rewards))
    return history


def annotator(rewards: Float[Tensor, "response"], temperature: float) -> Annotator:
    """Somebody who sees the true reward of the response that a number names, through noise."""
    return Annotator(
        name="one",
        source=Source.HUMAN,
        worth=lambda _, response: rewards[int(response)].item(),
        temperature=temperature,
        cuts=(-1.0, -0.33, 0.33, 1.0),
    )


def against_generated(labels: list[Thumb], count: int, seed: int) -> list[Comparison]:
    """Each response with a thumb down against one that the model wrote, unlabelled."""
    generator = torch.Generator().manual_seed(seed)
    rejected = down(labels)
    moved = torch.randint(1, count, (len(rejected),), generator=generator).tolist()
    written = [str((int(t.response) + n) % count) for t, n in zip(rejected, moved, strict=True)]
    return with_generated(rejected, written, generator="model")


def down(labels: list[Thumb]) -> list[Thumb]:
    """Those with a thumb down."""
    return [label for label in labels if not label.up]


def verdict(runs: Recorded) -> Verdict:
    """By the errors after the largest budget."""
    error = {name.removeprefix("label-kinds-"): runs[name] for name in VARIANTS}

    def less(small: str, large: str) -> Verdict:
        gap = differences(error[large], error[small], "error")
        return above(f"error of {large} less that of {small}", gap)

    return together(
        less("rating", "thumb"),
        less("ranking-of-8", "comparison"),
        less("comparison", "rejected-only"),
    )
