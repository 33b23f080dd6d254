"""One run of PPO in the exact world, measured against π*: what several experiments share."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from rlhf_lab.masked import zero_at_padding
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.trust_region import Clipped, Penalised
from rlhf_lab.worlds.exact import exact_world, response_distribution, rewards_of, starting_policy
from rlhf_lab.worlds.optimum import optimal_logprobs, total_variation

BETA = 0.5  # to the reference, for rewards of scale 1
KEPT = ("step", "kl_to_old", "penalty", "clip_fraction", "outside")


def exact_ppo(
    seed: int,
    *,
    trust_region: Clipped | Penalised,
    passes: int,
    steps: int,
    reward_scale: float = 1.0,
    normalise: Callable[[Tensor, Tensor], Tensor] = zero_at_padding,
) -> History:
    """Batches of 128 responses, all of them in each update; what each step did, and TV to π* then.

    With another scale of the rewards β to the reference and the critic's rate have it too, so that
    π* stays where it is. Advantages are taken as they are unless `normalise` says otherwise.
    """
    world = exact_world(reward_scale=reward_scale, seed=seed)
    beta = BETA * reward_scale
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=beta)
    policy = starting_policy(world)
    config = PPOConfig(
        steps=steps,
        max_tokens=3,
        end_token=None,
        batch_size=128,
        minibatch_size=128,
        epochs=passes,
        beta=beta,
        learning_rate=0.1,
        critic_learning_rate=0.2 * reward_scale,
        value_epsilon=1e9,
        max_grad_norm=1e9,
        normalise=normalise,
        trust_region=trust_region,
        seed=seed,
    )

    def measured():
        for metrics in train_ppo(policy, partial(rewards_of, world), [[0]], config):
            now = response_distribution(policy, world.responses)
            distance = {"to_optimum": total_variation(now, optimum).item()}
            yield {name: metrics[name] for name in KEPT if name in metrics} | distance

    return history(measured(), steps=steps)
