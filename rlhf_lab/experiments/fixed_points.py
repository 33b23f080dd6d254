"""Where do PPO and GRPO end, in a world where every answer is known? (PPO-1, GRPO-7)

Hypothesis: PPO, with the KL in the reward, ends at π*. GRPO does not, for three reasons that are
switched on one at a time: k3 in the loss pulls towards another policy; a mean that contains the
response makes β act as β G/(G-1); the std makes the end independent of the reward's scale. With
the KL in the reward the other two leave π* where it is. Refuted where a run ends further from its
prediction than the noise of its samples, or where GRPO comes near π*.
"""

from rlhf_lab.experiments.exact_group_runs import BASELINES, BETA, grpo, ppo, predicted
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, ends, together, within
from rlhf_lab.train.loop import History, history
from rlhf_lab.worlds.exact import exact_world, response_distribution
from rlhf_lab.worlds.exact import starting_policy as start
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs, total_variation

PLACES = ("reward", "loss")  # where the KL to the reference is
VARIANTS = {
    "fixed-points-ppo": {"baseline": "critic", "kl_in": "reward"},
    **{
        f"fixed-points-{baseline}-kl-in-{place}": {"baseline": baseline, "kl_in": place}
        for baseline in BASELINES
        for place in PLACES
    },
    **{
        f"fixed-points-{name}-scale-{scale}": settings | {"reward_scale": scale}
        for name, settings in (
            ("ppo", {"baseline": "critic", "kl_in": "reward"}),
            ("grpo", {"baseline": "mean-and-std", "kl_in": "loss"}),
        )
        for scale in (0.25, 4.0)
    },
}


def run(
    seed: int,
    *,
    baseline: str,
    kl_in: str,
    reward_scale: float = 1.0,
    responses: int = 1024,
    every: int = 10,
) -> History:
    """Distances of one run to π* and to its predicted end, if any, and its KL to the reference.

    `responses` are sampled in each step of GRPO: many, where its noise does not vanish at its end.
    """
    world = exact_world(reward_scale=reward_scale, seed=seed)
    policy = start(world)
    if baseline == "critic":
        training = ppo(policy, world, seed)
    else:
        training = grpo(policy, world, seed, baseline, kl_in, responses)
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)
    places = {"to_optimum": optimum}
    if kl_in == "reward":
        places["to_prediction"] = optimum
    elif baseline != "mean-and-std":  # where that ends has no closed form
        places["to_prediction"] = predicted(world, baseline)

    def measured():
        for metrics in training:
            if (metrics["step"] + 1) % every == 0:
                now = response_distribution(policy, world.responses)
                yield {
                    "updates": metrics["step"] + 1,
                    **{name: total_variation(now, end).item() for name, end in places.items()},
                    "kl": kl_divergence(now, world.reference_logprobs).item(),
                }

    return history(measured())


def verdict(runs: Recorded) -> Verdict:
    """At the end. Total variations below 0.05 count as there, above 0.1 as elsewhere."""
    at = {name.removeprefix("fixed-points-"): found for name, found in runs.items()}
    there = ["ppo", *(f"{baseline}-kl-in-reward" for baseline in BASELINES)]
    predicted_ends = [f"{baseline}-kl-in-loss" for baseline in ("leave-one-out", "group-mean")]
    elsewhere = [f"{baseline}-kl-in-loss" for baseline in BASELINES]
    kls = [
        ends(at[f"{name}-scale-4.0"], "kl") - ends(at[f"{name}-scale-0.25"], "kl")
        for name in ("grpo", "ppo")
    ]
    return together(
        *(below(f"{name}: TV to π*", ends(at[name], "to_optimum"), 0.05) for name in there),
        *(
            below(f"{n}: TV to the prediction", ends(at[n], "to_prediction"), 0.05)
            for n in predicted_ends
        ),
        *(above(f"{name}: TV to π*", ends(at[name], "to_optimum"), 0.1) for name in elsewhere),
        within("GRPO: KL at 16 times the reward less before", kls[0], -0.1, 0.1),
        above("PPO: the same", kls[1], 1.0),
    )
