"""Where do IPO, SimPO and KTO end, beside DPO, in a world that can be enumerated?

Hypotheses, stated before the runs. On endless comparisons with noisy labels DPO ends at π*, IPO at
the reference tilted by win rates, SimPO without its margin at a policy that knows no reference. On
noiseless labels (the better response always wins) IPO still ends, while DPO's largest log-ratio
grows at every measurement. KTO's grows even where thumbs are noisy. Refuted where a run ends
elsewhere, or where those log-ratios stop.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.losses import implicit_reward
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.preference_losses import average_logprob_reward, squared_margin_error, thumb_value
from rlhf_lab.train.loop import History, history, minimise
from rlhf_lab.worlds.ending import ending_world
from rlhf_lab.worlds.exact import ExactWorld, pair_dpo_loss, response_distribution
from rlhf_lab.worlds.exact import starting_policy as start
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs, total_variation
from rlhf_lab.worlds.preference_optima import ipo_optimum, simpo_optimum

BETA = 0.5
TAU = 0.2  # in units of a win rate, which has a smaller range than a reward
SIMPO_BETA = 2.0  # four tokens: a nat of the whole response counts 0.5, as in DPO

Tokens = Float[Tensor, "response token"]
Vector = Float[Tensor, "response"]
Loss = Float[Tensor, ""]


@dataclass(frozen=True)
class EndlessLabels:
    """How likely each response wins against each other one, and gets a thumb up."""

    world: ExactWorld
    preferred: Float[Tensor, "response response"]
    thumb_up: Vector

    @property
    def pairs(self) -> Float[Tensor, "winner loser"]:
        """How often each pair is drawn from the reference and labelled this way."""
        chance = self.world.reference_logprobs.exp()
        return 2 * chance[:, None] * chance[None, :] * self.preferred


def noisy(world: ExactWorld) -> EndlessLabels:
    """Bradley-Terry labels; a thumb up with probability σ(r)."""
    preferred = torch.sigmoid(world.rewards[:, None] - world.rewards[None, :])
    return EndlessLabels(world, preferred, world.rewards.sigmoid())


def noiseless(world: ExactWorld) -> EndlessLabels:
    """The better response always wins; a thumb up where r is above 0."""
    difference = (world.rewards[:, None] - world.rewards[None, :]).sign()
    return EndlessLabels(world, (1 + difference) / 2, (world.rewards > 0).double())


def dpo(policy: Vector, _: Tokens, labels: EndlessLabels) -> Loss:
    """DPO's expected loss."""
    return pair_dpo_loss(policy, labels.world.reference_logprobs, labels.pairs, beta=BETA)


def ipo(policy: Vector, _: Tokens, labels: EndlessLabels) -> Loss:
    """The expected `squared_margin_error`."""
    log_ratio = policy - labels.world.reference_logprobs
    margins = log_ratio[:, None] - log_ratio[None, :]
    return (labels.pairs * squared_margin_error(margins, tau=TAU)).sum()


def simpo(_: Vector, logprobs: Tokens, labels: EndlessLabels) -> Loss:
    """SimPO's expected loss without its margin γ."""
    rewards = average_logprob_reward(logprobs, labels.world.responses.mask, beta=SIMPO_BETA)
    return -(labels.pairs * logsigmoid(rewards[:, None] - rewards[None, :])).sum()


def kto(policy: Vector, _: Tokens, labels: EndlessLabels) -> Loss:
    """KTO's expected loss with both weights 1 and the exact reference point β KL(π ‖ ref)."""
    reference = labels.world.reference_logprobs
    reward = implicit_reward(policy, reference, beta=BETA)
    point, up = BETA * kl_divergence(policy, reference), torch.ones_like(reward, dtype=torch.bool)
    weights = {"desirable_weight": 1.0, "undesirable_weight": 1.0}
    good, bad = (thumb_value(reward, point, thumb, **weights) for thumb in (up, ~up))
    value = labels.thumb_up * good + (1 - labels.thumb_up) * bad
    return 1 - reference.exp() @ value


METHODS: dict[str, Callable[[Vector, Tokens, EndlessLabels], Loss]] = {
    "dpo": dpo,
    "ipo": ipo,
    "simpo": simpo,
    "kto": kto,
}
LABELS = {"noisy": noisy, "noiseless": noiseless}


def ends(labels: EndlessLabels) -> dict[str, Vector]:
    """Where each method should end on noisy labels, and IPO on any; KTO's end is not known."""
    world = labels.world
    reference, lengths = world.reference_logprobs, world.responses.mask.sum(dim=1)
    return {
        "dpo": optimal_logprobs(reference, world.rewards, beta=BETA),
        "ipo": ipo_optimum(reference, labels.preferred, tau=TAU),
        "simpo": simpo_optimum(world.rewards, lengths, beta=SIMPO_BETA),
    }


def run(seed: int, *, method: str, labels: str, updates: int = 200, every: int = 50) -> History:
    """One run of Adam in the world of this seed, by number of updates done.

    The loss, distances to the predicted ends (that of DPO is π*), expected reward, KL to the
    reference, the largest |log π/ref| of a response.
    """
    world = ending_world(seed=seed)
    policy, data = start(world), LABELS[labels](world)
    predicted = ends(data)

    def loss():
        tokens = response_logprobs(policy, world.responses)
        whole = sum_over_tokens(tokens, world.responses.mask)
        return METHODS[method](whole, tokens, data)

    def measured():
        for metrics in minimise(loss, policy, steps=updates, learning_rate=0.1):
            if (metrics["step"] + 1) % every == 0:
                now = response_distribution(policy, world.responses)
                distances = {end: total_variation(now, predicted[end]).item() for end in predicted}
                yield {
                    "updates": metrics["step"] + 1,
                    "loss": metrics["loss"],
                    **{f"to_{end}": distance for end, distance in distances.items()},
                    "reward": (now.exp() @ world.rewards).item(),
                    "kl": kl_divergence(now, world.reference_logprobs).item(),
                    "log_ratio": (now - world.reference_logprobs).abs().max().item(),
                }

    return history(measured())
