"""Where do RLOO, Dr. GRPO, DAPO and GSPO end, beside GRPO, in a world that can be enumerated?

Hypotheses, stated before the runs. With the KL in the reward all five end at π*, since there no
response has an advantage: the changes to the loss change the way, not the end. Without a KL all
five put all probability on one response, the best. And DAPO's higher clip keeps more entropy at
equal reward than the same loss with a clip of 0.2 on both sides. Refuted where a run ends
elsewhere, or where entropy at equal reward is no higher.

There is no noise: each batch is a group without end, four updates on each. RLOO takes them without
a ratio. GRPO stands here without the KL of its loss (where that leads, `fixed_points` measures).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.advantages import GROUP_EPSILON
from rlhf_lab.group_losses import dapo_loss, dr_grpo_loss, gspo_loss, rloo_loss
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.losses import grpo_loss
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.train.loop import History, history, minimise
from rlhf_lab.worlds.ending import ending_world
from rlhf_lab.worlds.exact import ExactWorld, response_distribution, starting_policy
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs, total_variation

BETA, EPSILON, UPDATES_A_BATCH = 0.5, 0.2, 4

Tokens = Float[Tensor, "response token"]
Loss = Float[Tensor, ""]


@dataclass(frozen=True)
class EndlessGroup:
    """All responses of a world, as if the old policy had been asked without end.

    Each stands once in the batch, so its advantage carries its probability: N π_old(y) Â(y). The
    surrogates are proportional to the advantage, so that their mean is the expected one.
    """

    old_logprobs: Tokens
    centred: Float[Tensor, "response"]
    scaled: Float[Tensor, "response"]
    """the same over the std of the group, for GRPO, DAPO and GSPO"""
    mask: Tensor

    def by_token(self, advantages: Float[Tensor, "response"]) -> Tokens:
        """The advantage of a response at each of its tokens."""
        return advantages[:, None].expand(self.mask.shape)


@torch.no_grad()
def endless_group(policy: nn.Module, world: ExactWorld, *, beta: float) -> EndlessGroup:
    """Advantages of R = r - β log(π_old/ref) in a group without end."""
    mask = world.responses.mask
    old = response_logprobs(policy, world.responses)
    logprob = sum_over_tokens(old, mask)
    reward = world.rewards - beta * (logprob - world.reference_logprobs)
    chance = logprob.exp()
    centred = reward - chance @ reward
    std = (chance @ centred**2).sqrt() + GROUP_EPSILON
    weight = len(reward) * chance
    return EndlessGroup(old, weight * centred, weight * centred / std, mask)


def grpo(logprobs: Tokens, group: EndlessGroup) -> Loss:
    """`grpo_loss` without its KL."""
    old, advantages = group.old_logprobs, group.by_token(group.scaled)
    return grpo_loss(logprobs, old, old, advantages, group.mask, epsilon=EPSILON, beta=0.0)


def rloo(logprobs: Tokens, group: EndlessGroup) -> Loss:
    """`rloo_loss`; in a group without end the mean of the others is the mean of all."""
    return rloo_loss(sum_over_tokens(logprobs, group.mask), group.centred)


def dr_grpo(logprobs: Tokens, group: EndlessGroup) -> Loss:
    """`dr_grpo_loss`, divided by the longest response."""
    settings = {"epsilon": EPSILON, "longest": group.mask.shape[1]}
    advantages = group.by_token(group.centred)
    return dr_grpo_loss(logprobs, group.old_logprobs, advantages, group.mask, **settings)


def dapo(logprobs: Tokens, group: EndlessGroup, *, epsilon_high: float = 0.28) -> Loss:
    """`dapo_loss` with the paper's clips, 0.2 and 0.28."""
    clips = {"epsilon_low": EPSILON, "epsilon_high": epsilon_high}
    advantages = group.by_token(group.scaled)
    return dapo_loss(logprobs, group.old_logprobs, advantages, group.mask, **clips)


def gspo(logprobs: Tokens, group: EndlessGroup) -> Loss:
    """`gspo_loss`; four updates move a mean of log-ratios less than each of them: clip 0.05."""
    return gspo_loss(logprobs, group.old_logprobs, group.scaled, group.mask, epsilon=0.05)


METHODS = {"grpo": grpo, "rloo": rloo, "dr-grpo": dr_grpo, "dapo": dapo, "gspo": gspo}
METHODS |= {"dapo-low-clip": partial(dapo, epsilon_high=EPSILON)}


def run(seed: int, *, method: str, beta: float, updates: int = 150, every: int = 4) -> History:
    """One run of Adam in the world of this seed, by number of updates done.

    Distance to π* (that of β = 0.5), expected reward, entropy of a response, KL to the
    reference and the probability of the best response.
    """
    world = ending_world(seed=seed)
    policy = starting_policy(world)
    updates_on = batches(world, policy, METHODS[method], beta=beta)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)

    def measured():
        for metrics in minimise(updates_on, policy, steps=updates, learning_rate=0.1):
            if (metrics["step"] + 1) % every == 0:
                now = response_distribution(policy, world.responses)
                yield {
                    "updates": metrics["step"] + 1,
                    "to_optimum": total_variation(now, optimum).item(),
                    "reward": (now.exp() @ world.rewards).item(),
                    "entropy": -(now.exp() @ now).item(),
                    "kl": kl_divergence(now, world.reference_logprobs).item(),
                    "best": now[world.rewards.argmax()].exp().item(),
                }

    return history(measured())


def batches(
    world: ExactWorld, policy: nn.Module, loss: Callable, *, beta: float
) -> Callable[[], Loss]:
    """The loss of the next update; a new group is asked for after every four."""
    done, group = 0, None

    def of_next_update() -> Loss:
        nonlocal done, group
        if done % UPDATES_A_BATCH == 0:
            group = endless_group(policy, world, beta=beta)
        done += 1
        return loss(response_logprobs(policy, world.responses), group)

    return of_next_update
