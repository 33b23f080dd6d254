"""What does a policy learn from a cheap labeller with a bias, and from few people? (FB-10 to FB-12)

For one budget a machine gives twenty times the labels of a person, and hardly errs; but a bias adds
to its worth for any response with token 0. Hypothesis: without bias the machine's labels lead to
more gold reward than people's; with it the policy's reward *as the machine sees it* goes on rising
as β falls while gold falls behind, and the share of responses with the token rises. Refuted if gold
rises as much as the machine's reward, or if people's labels do no better than a strong bias's.

Exact world; comparisons of texts by simulated annotators, a reward for each response fitted by
Bradley-Terry, and the policies that are optimal for it at each β, in closed form.
"""

from collections.abc import Sequence

import numpy as np
import torch

from rlhf_lab.experiments.learned_reward import fitted_reward, one_number_a_response
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, rises, shared, together
from rlhf_lab.feedback.annotators import Annotator, machine, person
from rlhf_lab.feedback.kinds import Comparison
from rlhf_lab.feedback.labelling import compare, cost, label_all
from rlhf_lab.feedback.tastes import topic_bias
from rlhf_lab.runs import Run
from rlhf_lab.train.loop import History
from rlhf_lab.worlds.exact import ExactWorld, exact_world, observed_pairs
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs

VARIANTS = {
    "biased-labeller-people": {"bias": None},
    "biased-labeller-machine-0": {"bias": 0.0},
    "biased-labeller-machine-1": {"bias": 1.0},
    "biased-labeller-machine-3": {"bias": 3.0},
}
BUDGET = 2000.0  # in responses read by a person
PRICE = 0.05  # of a response that the machine reads
PEOPLE = 5
TOPIC = {"0"}
BETAS = (4.0, 2.0, 1.0, 0.5, 0.25, 0.125, 0.0625)
AT_KL = 3.0  # nats


def run(seed: int, *, bias: float | None) -> History:
    """Gold reward, the labellers' own reward, KL and share of the topic at each β. None: people."""
    world = exact_world(seed=seed)
    names = texts(world)
    rewards = dict(zip(names, world.rewards.tolist(), strict=True))
    labellers = hired(lambda _, response: rewards[response], bias, seed)
    labels = bought(labellers, world, names, torch.Generator().manual_seed(seed))
    fitted = fitted_reward(one_number_a_response(world), shares(labels, names), ridge=1e-6)
    fitted = labellers[0].temperature * fitted  # from log-odds to units of worth
    own = torch.tensor([[a.worth("x", name) for name in names] for a in labellers]).mean(dim=0)
    topic = torch.tensor([not TOPIC.isdisjoint(name.split()) for name in names]).double()
    table: History = {"beta": [], "kl": [], "gold": [], "own": [], "topic": []}
    table |= {"labels": [], "cost": []}
    for beta in BETAS:
        policy = optimal_logprobs(world.reference_logprobs, fitted, beta=beta)
        table["beta"].append(beta)
        table["kl"].append(kl_divergence(policy, world.reference_logprobs).item())
        for name, values in (("gold", world.rewards), ("own", own.double()), ("topic", topic)):
            table[name].append((policy.exp() * values).sum().item())
        table["labels"].append(len(labels))
        table["cost"].append(cost(labellers[0], labels))
    return table


def texts(world: ExactWorld) -> list[str]:
    """Each response as words, one a token."""
    return [" ".join(map(str, row)) for row in world.responses.tokens.tolist()]


def hired(gold, bias: float | None, seed: int) -> list[Annotator]:
    """One machine with a bias, or some people who differ."""
    if bias is not None:
        return [machine(gold, topic_bias(TOPIC, bias), name="machine", price=PRICE)]
    return [person(gold, seed=100 * seed + number) for number in range(PEOPLE)]


def bought(
    labellers: list[Annotator], world: ExactWorld, names: list[str], generator: torch.Generator
) -> list[Comparison]:
    """The comparisons that the budget buys, of responses drawn from the reference."""
    price = labellers[0].prices.comparison
    each = int(BUDGET / price / len(labellers))
    probabilities = world.reference_logprobs.exp()
    labels = []
    for labeller in labellers:
        drawn = torch.multinomial(probabilities, 3 * each, replacement=True, generator=generator)
        moved = torch.multinomial(probabilities, 3 * each, replacement=True, generator=generator)
        pairs = [(a, b) for a, b in zip(drawn.tolist(), moved.tolist(), strict=True) if a != b]
        items = [("x", [names[a], names[b]]) for a, b in pairs[:each]]
        labels += label_all(compare, labeller, items, generator=generator)
    return labels


def shares(labels: list[Comparison], names: list[str]) -> torch.Tensor:
    """The share of each (winner, loser) among the labels."""
    number = {name: n for n, name in enumerate(names)}
    winners = torch.tensor([number[label.chosen] for label in labels])
    losers = torch.tensor([number[label.rejected] for label in labels])
    return observed_pairs(winners, losers, len(names))


def verdict(runs: Recorded) -> Verdict:
    """Gold at a KL of 3 nats, of the seeds whose paths both go so far; the rises of the strongest
    bias to the smallest β."""
    people, fair, biased = (
        runs[f"biased-labeller-{name}"] for name in ("people", "machine-0", "machine-3")
    )

    def lead(words: str, first: Sequence[Run], second: Sequence[Run]) -> Verdict:
        pairs = list(zip(*shared(first, second), strict=True))
        both = [(a, b) for a, b in pairs if reaches(a) and reaches(b)]
        gaps = [at_kl(a, "gold") - at_kl(b, "gold") for a, b in both]
        return above(f"{words} at 3 nats, {len(both)} of {len(pairs)} seeds", gaps)

    behind = rises(biased, "own") - rises(biased, "gold")
    return together(
        lead("gold by a fair machine less by people", fair, people),
        above("rise of the machine's own reward less that of gold, bias 3", behind),
        above("rise of the share with the token, bias 3", rises(biased, "topic")),
        lead("gold by people less by bias 3", people, biased),
    )


def reaches(run: Run) -> bool:
    """Whether the path of a run goes to `AT_KL`."""
    return max(run.metrics["kl"]) >= AT_KL


def at_kl(run: Run, metric: str) -> float:
    """The metric where the path of a run has the KL `AT_KL`, between its points.

    That of its end where it ends sooner: ask `reaches` where that matters.
    """
    order = sorted(zip(run.metrics["kl"], run.metrics[metric], strict=True))
    return float(np.interp(AT_KL, *zip(*order, strict=True)))
