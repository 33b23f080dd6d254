"""Can a reward be edited after training, and the policy follow? (RM-7)

An annotator likes responses that begin with token 0 by `bias` more than gold does. After training
the bias is noticed and is to be taken out. Hypothesis: it is subtracted from an explicit reward and
the policy that is optimal for the edited reward has a higher objective, E gold - β KL. An implicit
reward, β log(π/ref), can be edited too, but only by making it explicit and optimising anew: the
policy that DPO left keeps the bias, and with both edited neither is better. Refuted if the edit
gains nothing, or if the edited implicit reward ends lower than the edited explicit one.

Exact world; both rewards are fitted to the same comparisons, the explicit one by Bradley-Terry, the
implicit one by DPO on a table of logits. Policies are optimal in closed form, nothing is sampled.
"""

from dataclasses import replace

import torch

from rlhf_lab.experiments.learned_reward import fitted_reward, one_number_a_response
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, together, within
from rlhf_lab.logprobs import sequence_logprobs
from rlhf_lab.train.loop import History, history, minimise
from rlhf_lab.worlds.exact import (
    ExactWorld,
    exact_world,
    observed_pairs,
    pair_dpo_loss,
    response_distribution,
    sample_pairs,
    starting_policy,
)
from rlhf_lab.worlds.optimum import objective, optimal_logprobs

VARIANTS = {
    "edited-reward-bias-0": {"bias": 0.0},
    "edited-reward-bias-1": {"bias": 1.0},
    "edited-reward-bias-3": {"bias": 3.0},
}
BETA = 0.5


def run(seed: int, *, bias: float, pairs: int = 100_000, steps: int = 300) -> History:
    """Objective and gold reward of six policies, and how often each begins with token 0."""
    world = exact_world(seed=seed)
    start = world.reference_logprobs
    liked = bias * (world.responses.tokens[:, 0] == 0).double()
    biased = replace(world, rewards=world.rewards + liked)
    numbers = sample_pairs(biased, pairs, torch.Generator().manual_seed(seed))
    weights = observed_pairs(*numbers, len(world.rewards))
    explicit = fitted_reward(one_number_a_response(world), weights, ridge=1e-6)
    dpo = dpo_policy(world, weights, steps)
    implicit = BETA * (dpo - start)
    policies = {
        "reference": start,
        "explicit": optimal_logprobs(start, explicit, beta=BETA),
        "explicit_edited": optimal_logprobs(start, explicit - liked, beta=BETA),
        "implicit": dpo,
        "implicit_edited": optimal_logprobs(start, implicit - liked, beta=BETA),
        "best": optimal_logprobs(start, world.rewards, beta=BETA),
    }
    table: History = {}
    begins = (world.responses.tokens[:, 0] == 0).double()
    for name, policy in policies.items():
        gained = objective(policy, start, world.rewards, beta=BETA)
        table[f"{name}_objective"] = [gained.item()]
        table[f"{name}_gold"] = [(policy.exp() * world.rewards).sum().item()]
        table[f"{name}_begins"] = [(policy.exp() * begins).sum().item()]
    return table


def dpo_policy(world: ExactWorld, weights: torch.Tensor, steps: int) -> torch.Tensor:
    """Log-probs of a table of logits after DPO on all pairs at once."""
    policy = starting_policy(world)

    def loss():
        logprobs = sequence_logprobs(policy, world.responses)
        return pair_dpo_loss(logprobs, world.reference_logprobs, weights, beta=BETA)

    history(minimise(loss, policy, steps=steps, learning_rate=0.1), steps=steps)
    return response_distribution(policy, world.responses)


def verdict(runs: Recorded) -> Verdict:
    """By the objective, for biases 1 and 3; 0.05 of it counts as no difference."""
    parts = []
    for bias in (1, 3):
        here = runs[f"edited-reward-bias-{bias}"]
        found = {
            name: ends(here, f"{name}_objective")
            for name in ("explicit", "explicit_edited", "implicit_edited")
        }
        kept = ends(here, "implicit_begins") - ends(here, "best_begins")
        parts += [
            above(f"bias {bias}: gain of the edit", found["explicit_edited"] - found["explicit"]),
            above(f"bias {bias}: what DPO's policy keeps of the habit", kept),
            within(
                f"bias {bias}: implicit less explicit, both edited",
                found["implicit_edited"] - found["explicit_edited"],
                -0.05,
                0.05,
            ),
        ]
    return together(*parts)
