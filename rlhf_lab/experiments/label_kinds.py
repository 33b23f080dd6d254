"""What do labels of each kind tell about rewards, for the same reading? (FB-1, FB-4, FB-7, RM-16)

Hypothesis: for the same number of responses read, ratings say more than thumbs, rankings of eight
more than comparisons, and pairs of a response with a thumb down and a generated one least. Refuted
if the order is another. One annotator without bias labels responses of the exact world, each drawn
evenly. The rewards are fitted by the likelihood of each kind of label with the prior N(0, 1), which
is their true spread. So the errors compare information, not methods.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from rlhf_lab.feedback.annotators import Annotator
from rlhf_lab.feedback.conversions import with_generated
from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Source
from rlhf_lab.feedback.labelling import compare, cost, label_all, rank, rate, thumb
from rlhf_lab.preferences import bradley_terry_logprob, plackett_luce_logprob
from rlhf_lab.rewards.quality import accuracy_against_gold
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import exact_world

VARIANTS = {
    "label-kinds-thumb": {"kind": "thumb"},
    "label-kinds-rating": {"kind": "rating"},
    "label-kinds-comparison": {"kind": "comparison"},
    "label-kinds-ranking-of-4": {"kind": "ranking", "size": 4},
    "label-kinds-ranking-of-8": {"kind": "ranking", "size": 8},
    "label-kinds-rejected-only": {"kind": "rejected only"},
}
JUDGES = {
    "thumb": thumb,
    "rating": rate,
    "comparison": compare,
    "ranking": rank,
    "rejected only": thumb,
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
        used = given if kind != "rejected only" else against_generated(given, len(rewards), seed)
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


def against_generated(labels: list[Feedback], count: int, seed: int) -> list[Comparison]:
    """Each response with a thumb down against one that the model wrote, unlabelled."""
    generator = torch.Generator().manual_seed(seed)
    down = [label for label in labels if not label.up]
    moved = torch.randint(1, count, (len(down),), generator=generator).tolist()
    written = [str((int(t.response) + n) % count) for t, n in zip(down, moved, strict=True)]
    return with_generated(down, written, generator="model")


def fitted_rewards(
    labels: list[Feedback], count: int, *, temperature: float
) -> Float[Tensor, "response"]:
    """argmax of log-likelihood + log N(rewards | 0, 1): all labels at once, by L-BFGS."""
    free = torch.zeros(count + 5, dtype=torch.float64, requires_grad=True)  # rewards, bar, cuts
    loglikelihood = of_labels(labels)
    optimizer = torch.optim.LBFGS([free], max_iter=300, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        prior = free[:count].square().sum() / 2 + free[count:].square().sum() / 200
        value = prior - loglikelihood(free[:count] / temperature, free[count:] / temperature)
        value.backward()
        return value

    optimizer.step(loss)
    return free[:count].detach()


def of_labels(labels: list[Feedback]):
    """log p(labels | rewards, other numbers), both in units of the temperature."""
    first = labels[0]
    if isinstance(first, Comparison):
        pairs = torch.tensor([[int(c.chosen), int(c.rejected)] for c in labels])
        return lambda r, _: bradley_terry_logprob(*r[pairs].unbind(1)).sum()
    if isinstance(first, Ranking):
        orders = torch.tensor([[int(name) for name in r.responses] for r in labels])
        return lambda r, _: plackett_luce_logprob(r[orders]).sum()
    rated = torch.tensor([int(label.response) for label in labels])
    if isinstance(first, Rating):
        scores = torch.tensor([label.score for label in labels])
        return lambda r, other: ordered_logit(r[rated], cuts(other), scores).sum()
    signs = torch.tensor([1.0 if label.up else -1.0 for label in labels])
    return lambda r, other: logsigmoid(signs * (r[rated] - other[0])).sum()


def cuts(free: Float[Tensor, "number"]) -> Float[Tensor, "cut"]:
    """Four rising numbers: the first is free, each next one adds a positive step."""
    return free[0] + torch.cat([torch.zeros_like(free[:1]), softplus(free[1:4])]).cumsum(0)


def ordered_logit(rewards: Tensor, rising: Tensor, scores: Tensor) -> Tensor:
    """log [σ(r - cut_{k-1}) - σ(r - cut_k)] of the score k that was given."""
    above = torch.sigmoid(rewards[:, None] - rising)
    ends = torch.nn.functional.pad(above, (1, 0), value=1.0), torch.nn.functional.pad(above, (0, 1))
    return (ends[0] - ends[1]).gather(1, scores[:, None] - 1).clamp(min=1e-300).log()


def pair_accuracy(fitted: Float[Tensor, "response"], rewards: Float[Tensor, "response"]) -> float:
    """The share of all pairs of responses that the fitted rewards order as the true ones do."""
    better, worse = torch.triu_indices(len(rewards), len(rewards), offset=1)
    margins = fitted[better] - fitted[worse], rewards[better] - rewards[worse]
    return accuracy_against_gold(*margins).item()
