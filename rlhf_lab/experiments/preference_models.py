"""Scores or preferences: which model stands labels that contradict each other? (RM-11)

Hypothesis: where a score fits the truth, labels that are turned over at random harm the general
preference model more than the score, as it has more to fit and calls some of the noise a circle;
where the truth runs in a circle the score stays at a coin however many labels it sees, and the
general model does not. Refuted if contradictions harm the score as much, or if the score passes a
coin on the circle.

Seven responses, all pairs equally often compared. `ladder`: a score each, evenly apart. `circle`:
each beats the next three round the circle. Every pair is decided at the same mean log-odds, 1.5,
and a share of the labels is turned over. Both models are fitted by likelihood with a weak prior.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from rlhf_lab.experiments.preference_fits import COUNT, FITS, Logits
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, together, within
from rlhf_lab.preferences import preference_accuracy, sample_comparison
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import observed_pairs

VARIANTS = {
    f"preference-models-{truth}-turned-{share}": {"truth": truth, "turned": share}
    for truth in ("ladder", "circle")
    for share in (0.0, 0.2, 0.4)
}
MEAN_LOG_ODDS = 1.5
LABELS = (100, 300, 1000, 3000, 10_000)


def run(seed: int, *, truth: str, turned: float) -> History:
    """After each number of labels, of both models: accuracy on all pairs and triples in a circle.

    A pair is right where the one that is more likely to win in truth, before labels are turned,
    is more likely to win in the model. `circles` is the share of the triples that run in a circle.
    """
    generator = torch.Generator().manual_seed(seed)
    logits = TRUTHS[truth]()
    winners, losers = labels(logits, max(LABELS), turned, generator)
    table: History = {"labels": list(LABELS)}
    for count in LABELS:
        wins = observed_pairs(winners[:count], losers[:count], COUNT) * count
        for name, fit in FITS.items():
            found = fit(wins, generator)
            table.setdefault(f"{name}_accuracy", []).append(accuracy(found, logits))
            table.setdefault(f"{name}_circles", []).append(circles(found))
    return table


def ladder() -> Logits:
    """Differences of scores that are evenly apart."""
    steps = torch.arange(COUNT, dtype=torch.float64)
    return scaled(steps[None, :] - steps[:, None])


def circle() -> Logits:
    """sin of the angle from one to the other: each beats the next three."""
    angle = torch.arange(COUNT, dtype=torch.float64) * 2 * torch.pi / COUNT
    return scaled(torch.sin(angle[None, :] - angle[:, None]))


TRUTHS = {"ladder": ladder, "circle": circle}


def scaled(logits: Logits) -> Logits:
    """The same with a mean size of `MEAN_LOG_ODDS` over the pairs."""
    return logits * MEAN_LOG_ODDS / of_pairs(logits.abs()).mean()


def of_pairs(logits: Logits) -> Float[Tensor, "pair"]:
    """One entry for each pair of different responses."""
    first, second = torch.triu_indices(COUNT, COUNT, offset=1)
    return logits[first, second]


def labels(
    logits: Logits, count: int, turned: float, generator: torch.Generator
) -> tuple[Int[Tensor, "label"], Int[Tensor, "label"]]:
    """Winners and losers of evenly drawn pairs; each label is turned over with that probability."""
    first = torch.randint(COUNT, (count,), generator=generator)
    second = (first + torch.randint(1, COUNT, (count,), generator=generator)) % COUNT
    margins = logits[first, second]
    wins = sample_comparison(margins, torch.zeros_like(margins), generator)
    wins = wins ^ (torch.rand(count, generator=generator) < turned)
    return torch.where(wins, first, second), torch.where(wins, second, first)


def accuracy(found: Logits, truth: Logits) -> float:
    """The share of pairs whose likelier winner is the true one; log-odds of 0 count half."""
    agree = of_pairs(found * truth)
    return preference_accuracy(agree, torch.zeros_like(agree)).item()


def circles(logits: Logits) -> float:
    """The share of triples (a, b, c) in which a beats b, b beats c, and c beats a."""
    triples = torch.combinations(torch.arange(COUNT), 3).unbind(dim=1)
    a, b, c = triples
    wins = torch.stack([logits[a, b] > 0, logits[b, c] > 0, logits[c, a] > 0]).sum(dim=0)
    return ((wins == 0) | (wins == 3)).double().mean().item()


def verdict(runs: Recorded) -> Verdict:
    """Mean over the numbers of labels; a coin is right on half of the pairs, within 0.1."""

    def mean_accuracy(name: str, model: str) -> np.ndarray:
        return np.array([np.mean(run.metrics[f"{model}_accuracy"]) for run in runs[name]])

    def harm(model: str, turned: float) -> np.ndarray:
        clean, dirty = (f"preference-models-ladder-turned-{t}" for t in (0.0, turned))
        return mean_accuracy(clean, model) - mean_accuracy(dirty, model)

    on_circle = "preference-models-circle-turned-0.0"
    return together(
        *(
            above(
                f"what turning {turned:.0%} of the labels costs the general model more",
                harm("general", turned) - harm("score", turned),
            )
            for turned in (0.2, 0.4)
        ),
        within("accuracy of scores on the circle", mean_accuracy(on_circle, "score"), 0.4, 0.6),
        above("that of the general model", mean_accuracy(on_circle, "general"), 0.9),
    )
