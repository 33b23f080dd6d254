"""Does an implicit reward overfit less than an explicit one? (RM-4, RM-6)

Hypothesis: no. Fitted to the same comparisons by the same optimiser, both lower the loss on the
comparisons they see all the way, while the loss on fresh comparisons, which is exact here, falls
and then rises; and as the policy leaves the reference, its true reward stays ever further below
what is possible at the same KL. Refuted for the implicit reward if its loss on fresh comparisons
never rises, or if its policy stays as good as the best at the same KL.

Exact world. The explicit reward is a table, and its policy the one that is optimal for it; the
implicit reward is that of a table of logits under DPO, and its policy the table itself. Steps are
updates of Adam at a constant rate, on all comparisons at once.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from scipy.optimize import brentq
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, rises, together
from rlhf_lab.intervals import mean_interval
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.losses import implicit_reward
from rlhf_lab.models import TabularValues
from rlhf_lab.rewards.networks import response_rewards
from rlhf_lab.train.loop import History, history, trainable_parameters, update
from rlhf_lab.worlds.exact import (
    ExactWorld,
    exact_world,
    expected_pairs,
    observed_pairs,
    sample_pairs,
    starting_policy,
)
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs

VARIANTS = {
    f"reward-overfitting-{form}-{pairs}": {"form": form, "pairs": pairs}
    for form in ("explicit", "implicit")
    for pairs in (300, 1000, 3000)
}
BETA = 0.5
STEPS = (0, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300)
Rewards = Float[Tensor, "response"]


def run(seed: int, *, form: str, pairs: int, learning_rate: float = 0.1) -> History:
    """After each of `STEPS` updates: both losses, and the policy's KL, true reward and share.

    `gain` is the true reward above the reference's, `possible` the largest at the same KL.
    """
    world = exact_world(seed=seed)
    numbers = sample_pairs(world, pairs, torch.Generator().manual_seed(seed))
    seen = observed_pairs(*numbers, len(world.rewards))
    endless = expected_pairs(world.reference_logprobs, world.rewards)
    model, rewards = FORMS[form](world)
    optimizer = torch.optim.Adam(trainable_parameters(model))

    def measurements():
        for step in range(max(STEPS) + 1):
            if step in STEPS:
                yield {"updates": step} | evaluated(world, rewards().detach(), seen, endless)
            loss = comparison_loss(rewards(), seen)
            update(
                optimizer,
                loss,
                step=step,
                learning_rate=learning_rate,
                max_grad_norm=float("inf"),
            )

    return history(measurements(), steps=len(STEPS))


def explicit(world: ExactWorld) -> tuple[nn.Module, Callable[[], Rewards]]:
    """A number for each response, all 0 at first."""
    table = TabularValues(world.reference.config.vocab_size, world.responses.tokens.shape[1] + 1)
    table = table.double()
    return table, lambda: response_rewards(table, world.responses)


def implicit(world: ExactWorld) -> tuple[nn.Module, Callable[[], Rewards]]:
    """β log(π/ref) of a table of logits that begins as the reference."""
    policy = starting_policy(world)
    return policy, lambda: implicit_reward(
        sequence_logprobs(policy, world.responses), world.reference_logprobs, beta=BETA
    )


FORMS = {"explicit": explicit, "implicit": implicit}


def comparison_loss(rewards: Rewards, pairs: Float[Tensor, "winner loser"]) -> Tensor:
    """-Σ pairs log σ(r_w - r_l): Bradley-Terry's and, of implicit rewards, DPO's."""
    return -(pairs * logsigmoid(rewards[:, None] - rewards[None, :])).sum()


def evaluated(world: ExactWorld, rewards: Rewards, seen: Tensor, endless: Tensor) -> dict:
    """The row of one moment. The policy that is optimal for an implicit reward is its own."""
    policy = optimal_logprobs(world.reference_logprobs, rewards, beta=BETA)
    kl = kl_divergence(policy, world.reference_logprobs).item()
    return {
        "seen_loss": comparison_loss(rewards, seen).item(),
        "fresh_loss": comparison_loss(rewards, endless).item(),
        "kl": kl,
        "gain": gain(world, policy),
        "possible": gain(world, best_at(world, kl)),
    }


def gain(world: ExactWorld, policy: Rewards) -> float:
    """E_π[r] - E_ref[r]."""
    return ((policy.exp() - world.reference_logprobs.exp()) * world.rewards).sum().item()


def best_at(world: ExactWorld, kl: float) -> Rewards:
    """The policy of the highest true reward at this KL: the optimum for one β, found by its KL."""
    if kl < 1e-9:
        return world.reference_logprobs

    def excess(log_beta: float) -> float:
        policy = optimal_logprobs(
            world.reference_logprobs, world.rewards, beta=torch.tensor(log_beta).exp().item()
        )
        return kl_divergence(policy, world.reference_logprobs).item() - kl

    log_beta = brentq(excess, -6.0, 12.0) if excess(-6.0) > 0 else -6.0
    beta = torch.tensor(log_beta).exp().item()
    return optimal_logprobs(world.reference_logprobs, world.rewards, beta=beta)


def verdict(runs: Recorded) -> Verdict:
    """From the step whose mean loss on fresh comparisons is lowest to the last one."""
    parts = []
    for name, recorded in runs.items():
        fresh = mean_interval([run.metrics["fresh_loss"] for run in recorded]).mean
        best = int(fresh.argmin())
        behind = rises(recorded, "possible", best) - rises(recorded, "gain", best)
        words = name.removeprefix("reward-overfitting-")
        parts += [
            below(f"{words}: change of the loss on what it sees", rises(recorded, "seen_loss")),
            above(f"{words}: rise of the loss on fresh ones", rises(recorded, "fresh_loss", best)),
            above(f"{words}: growth of what true reward lacks", behind),
        ]
    return together(*parts)
