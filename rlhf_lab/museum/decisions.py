"""Mistakes in the return of an episode."""

from collections.abc import Sequence

from rlhf_lab.museum.bug import Bug


def one_return_for_all(rewards: Sequence[float], *, gamma: float) -> list[float]:
    """Every step gets the return of the whole episode, the rewards before it included."""
    return [backwards(rewards, gamma)[0]] * len(rewards)


def rewards_so_far(rewards: Sequence[float], *, gamma: float) -> list[float]:
    """The sum runs the wrong way: a step is paid for what came before it."""
    return backwards(rewards[::-1], gamma)[::-1]


def not_discounted(rewards: Sequence[float], *, gamma: float) -> list[float]:
    """The discount is forgotten."""
    return backwards(rewards, 1.0)


def discounted_from_the_start(rewards: Sequence[float], *, gamma: float) -> list[float]:
    """Each reward is discounted by its place in the episode, not by its distance."""
    return backwards([gamma**t * reward for t, reward in enumerate(rewards)], 1.0)


def own_reward_left_out(rewards: Sequence[float], *, gamma: float) -> list[float]:
    """The sum begins one step too late, after the reward of the step itself."""
    return [gamma * total for total in [*backwards(rewards, gamma)[1:], 0.0]]


def backwards(rewards: Sequence[float], gamma: float) -> list[float]:
    """G_t = r_t + γ G_{t+1}, as it should be."""
    found = [0.0]
    for reward in reversed(rewards):
        found.append(reward + gamma * found[-1])
    return found[:0:-1]


RETURNS_TO_GO = (
    Bug(
        function=one_return_for_all,
        looks="Right on average where γ is 1, with more noise: slower. With one reward at the end "
        "nothing is seen.",
    ),
    Bug(function=rewards_so_far, looks="Nothing is learned of consequences; early steps drift."),
    Bug(function=not_discounted, looks="Nothing is seen at γ = 1; else more noise, less haste."),
    Bug(
        function=discounted_from_the_start,
        looks="Late steps learn more slowly than early ones. It is the gradient of the textbook's "
        "discounted objective, which hardly anybody uses.",
    ),
    Bug(function=own_reward_left_out, looks="The last step is never paid: it stays random."),
)
