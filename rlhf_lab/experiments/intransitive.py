"""What does an annotator who runs in circles do to a model of scores? (FB-10, RM-11)

Hypothesis: the stronger the contests, the further the best possible scores stay below the noise
ceiling, and the more nats a label they lose against the true probabilities; plain noise lowers the
ceiling and the agreement of the annotator with itself, but leaves no such gap. Refuted if noise
leaves a gap as well, or contests leave none. Twelve responses, each with a gold worth and three
qualities, all N(0, 1); in a contest the majority of the qualities decides. Every probability is
known and the scores are fitted to endless labels, so that nothing is sampled but the responses.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.special import entr

from rlhf_lab.experiments.learned_reward import fitted_reward
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    together,
)
from rlhf_lab.feedback.annotators import Annotator
from rlhf_lab.feedback.consistency import circular_triads
from rlhf_lab.feedback.kinds import Source
from rlhf_lab.feedback.tastes import majority_contest
from rlhf_lab.rewards.quality import noise_ceiling
from rlhf_lab.train.loop import History

VARIANTS = {
    "intransitive-none": {"strength": 0.0, "temperature": 0.5},
    "intransitive-noise": {"strength": 0.0, "temperature": 2.0},
    "intransitive-weak": {"strength": 0.5, "temperature": 0.5},
    "intransitive-strong": {"strength": 2.0, "temperature": 0.5},
}
RESPONSES = 12
QUALITIES = 3
Probabilities = Float[Tensor, "winner loser"]


def run(seed: int, *, strength: float, temperature: float) -> History:
    """What `measured` says of one annotator and twelve responses."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(1 + QUALITIES, RESPONSES, generator=generator, dtype=torch.float64).tolist()
    probabilities = win_probabilities(annotator(drawn, strength, temperature), RESPONSES)
    return {name: [value] for name, value in measured(probabilities).items()}


def annotator(drawn: list[list[float]], strength: float, temperature: float) -> Annotator:
    """Who values the first row of numbers, and in contests the majority of the other rows."""
    gold, *qualities = [lambda _, text, row=row: row[int(text)] for row in drawn]
    return Annotator(
        name="one",
        source=Source.HUMAN,
        worth=gold,
        contest=majority_contest(qualities, strength),
        temperature=temperature,
    )


def win_probabilities(judge: Annotator, count: int) -> Probabilities:
    """P(row is preferred to column), of the responses that the numbers below `count` name."""
    names = [str(number) for number in range(count)]
    scores = torch.tensor([[judge.scores("x", [a, b]) for b in names] for a in names])
    return (scores[..., 0] - scores[..., 1]).double().sigmoid()


def measured(probabilities: Probabilities) -> dict[str, float]:
    """Of an annotator with these odds, and of the best scores for endless labels of all pairs.

    `self_agreement` is the probability to say the same twice. `excess` is the loss of the scores
    less the entropy of the labels, in nats a label.
    """
    count = len(probabilities)
    first, second = torch.triu_indices(count, count, offset=1)
    pair = probabilities[first, second]
    weights = probabilities.masked_fill(torch.eye(count, dtype=torch.bool), 0)
    scores = fitted_reward(
        torch.eye(count, dtype=torch.float64), weights / weights.sum(), ridge=1e-9
    )
    said = (scores[first] - scores[second]).sigmoid()
    loss = -(pair * said.log() + (1 - pair) * (1 - said).log())
    threes = count * (count - 1) * (count - 2) / 6
    return {
        "circles": circular_triads(majority(probabilities)) / threes,
        "self_agreement": (pair.square() + (1 - pair).square()).mean().item(),
        "ceiling": noise_ceiling(pair).item(),
        "score_accuracy": torch.where(said > 0.5, pair, 1 - pair).mean().item(),
        "excess": (loss - entr(pair) - entr(1 - pair)).mean().item(),
    }


def majority(probabilities: Probabilities) -> Bool[Tensor, "winner loser"]:
    """Who is preferred more often than not; of equals the one that comes first."""
    upper = torch.triu(probabilities >= 0.5, diagonal=1)
    return upper | torch.tril(~upper.T, diagonal=-1)


def verdict(runs: Recorded) -> Verdict:
    """A gap of 0.001 nats a label counts as none."""
    none, noise, weak, strong = (runs[name] for name in VARIANTS)
    gaps = {
        "weak": ends(weak, "ceiling") - ends(weak, "score_accuracy"),
        "strong": ends(strong, "ceiling") - ends(strong, "score_accuracy"),
    }
    return together(
        above("nats lost to weak contests", ends(weak, "excess"), 0.001),
        above("more nats lost to strong ones", differences(strong, weak, "excess")),
        above("accuracy below the ceiling, strong contests", gaps["strong"]),
        above("that less the same for weak ones", gaps["strong"] - gaps["weak"]),
        below("nats lost to noise", ends(noise, "excess"), 0.001),
        above("ceiling lost to noise", differences(none, noise, "ceiling")),
        above("agreement with itself lost to noise", differences(none, noise, "self_agreement")),
    )
