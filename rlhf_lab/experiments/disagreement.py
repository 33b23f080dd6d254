"""What do annotators who differ do to a reward model, and how high can its accuracy be? (FB-10)

Hypothesis: the more tastes differ (standard deviation `spread`, gold's is 1), the lower agreement,
ceiling and accuracy on labels; no model beats the ceiling; with enough labels the accuracy on
labels nears it, and the accuracy against gold falls less than that on labels. Refuted if accuracy
on labels passes the ceiling beyond its error of sampling, or if gold falls as much.

Responses are those of the exact world. Each label is by one of many people, drawn evenly. The
ceiling is exact: mean max(p, 1-p), p the mean over people of their Bradley-Terry probability.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.label_fits import fitted_rewards, pair_accuracy
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    differences,
    ends,
    together,
    within,
)
from rlhf_lab.feedback.agreement import agreement_share, judgements, nominal_alpha
from rlhf_lab.feedback.annotators import Annotator, person
from rlhf_lab.feedback.kinds import Comparison
from rlhf_lab.feedback.labelling import compare
from rlhf_lab.rewards.quality import noise_ceiling
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import exact_world

VARIANTS = {
    "disagreement-0": {"spread": 0.0},
    "disagreement-0.5": {"spread": 0.5},
    "disagreement-1": {"spread": 1.0},
    "disagreement-2": {"spread": 2.0},
}
PEOPLE = 20
COUNTS = (300, 1000, 3000, 10_000, 30_000)  # labels to fit
SHARED = 300  # pairs that several people judge, to measure agreement
FRESH = 10_000  # labels to test on


def run(seed: int, *, spread: float, temperature: float = 0.5) -> History:
    """After each number of labels: accuracy on fresh labels and against gold, and the ceiling.

    `agreement` and `alpha` are measured on pairs that five people judge.
    """
    gold = exact_world(seed=seed).rewards
    people = [
        person(
            lambda _, response: gold[int(response)].item(),
            seed=1000 * seed + number,
            spread=spread,
            temperature=temperature,
            position_bias=0.0,
            fatigue=0.0,
        )
        for number in range(PEOPLE)
    ]
    generator = torch.Generator().manual_seed(seed)
    worths = torch.tensor([[p.worth("x", str(n)) for n in range(len(gold))] for p in people])
    labels = drawn_labels(people, len(gold), max(COUNTS) + FRESH, generator)
    fresh = torch.tensor([[int(c.chosen), int(c.rejected)] for c in labels[-FRESH:]])
    table = judgements(shared_labels(people[:5], len(gold), generator))
    history: History = {"labels": list(COUNTS), "label_accuracy": [], "gold_accuracy": []}
    for count in COUNTS:
        fitted = fitted_rewards(labels[:count], len(gold), temperature=temperature)
        winner, loser = fitted[fresh].unbind(1)
        history["label_accuracy"].append((winner > loser).double().mean().item())
        history["gold_accuracy"].append(pair_accuracy(fitted, gold))
    once = {
        "ceiling": ceiling(worths, temperature),
        "agreement": agreement_share(table),
        "alpha": nominal_alpha(table),
    }
    return history | {name: [value] * len(COUNTS) for name, value in once.items()}


def ceiling(worths: Float[Tensor, "person response"], temperature: float) -> float:
    """`noise_ceiling` of the share of people, noise included, that prefer each response."""
    better, worse = torch.triu_indices(worths.shape[1], worths.shape[1], offset=1)
    margins = (worths[:, better] - worths[:, worse]) / temperature
    return noise_ceiling(margins.sigmoid().mean(dim=0)).item()


def drawn_labels(
    people: list[Annotator], responses: int, count: int, generator: torch.Generator
) -> list[Comparison]:
    """Comparisons of two different responses by somebody, all drawn evenly."""
    who = torch.randint(len(people), (count,), generator=generator).tolist()
    return [
        compare(people[number], "x", pair, generator=generator)
        for number, pair in zip(who, drawn_pairs(responses, count, generator), strict=True)
    ]


def shared_labels(
    people: list[Annotator], responses: int, generator: torch.Generator
) -> list[Comparison]:
    """Comparisons of the same pairs by each of some people."""
    pairs = {tuple(sorted(p)): p for p in drawn_pairs(responses, SHARED, generator)}.values()
    return [compare(p, "x", pair, generator=generator) for p in people for pair in pairs]


def drawn_pairs(responses: int, count: int, generator: torch.Generator) -> list[list[str]]:
    """The names of two different responses, drawn evenly, `count` times."""
    first = torch.randint(responses, (count,), generator=generator)
    second = (first + torch.randint(1, responses, (count,), generator=generator)) % responses
    return [[str(a), str(b)] for a, b in zip(first.tolist(), second.tolist(), strict=True)]


def verdict(runs: Recorded) -> Verdict:
    """With all labels; 0.01 is two standard errors of accuracy on the fresh labels."""
    none, most = runs["disagreement-0"], runs["disagreement-2"]
    lost = {
        metric: differences(none, most, metric)
        for metric in ("agreement", "ceiling", "label_accuracy", "gold_accuracy")
    }
    passed = [
        within(
            f"{name}: accuracy on labels less the ceiling",
            ends(runs[name], "label_accuracy") - ends(runs[name], "ceiling"),
            -0.02,
            0.01,
        )
        for name in VARIANTS
    ]
    return together(
        *(above(f"loss of {m} from spread 0 to 2", lost[m]) for m in lost if m != "gold_accuracy"),
        *passed,
        above(
            "loss of accuracy on labels less that against gold",
            lost["label_accuracy"] - lost["gold_accuracy"],
        ),
    )
