"""A decision process from inside: an agent acts, and is told the next state and a reward."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rlhf_lab.worlds.decisions import DecisionProcess


@dataclass(frozen=True)
class Step:
    """One turn of the loop: in `state` the agent took `action`; what the environment answered."""

    state: int
    action: int
    reward: float
    next_state: int
    done: bool


class Environment:
    """Holds the state of one episode. The agent sees states and rewards, not the probabilities."""

    def __init__(self, process: DecisionProcess, *, generator: random.Random):
        self.process, self.generator = process, generator
        self._chances = process.transitions.tolist()
        self._rewards = process.rewards.tolist()
        self._choices = set(process.choices)
        self._state: int | None = None

    def reset(self) -> int:
        """Begin an episode; returns its first state."""
        self._state = 0
        return self._state

    def step(self, action: int) -> Step:
        """s' ~ P(· | s, a), with the reward r(s, a, s').

        Raises RuntimeError where no episode is going on, ValueError for an unknown action.
        """
        if self._state not in self._choices:
            raise RuntimeError("no episode is going on: call reset() first")
        if not 0 <= action < len(self.process.actions):
            raise ValueError(f"action must be 0 to {len(self.process.actions) - 1}, got {action}")
        state = self._state
        [self._state] = self.generator.choices(
            range(len(self.process.states)), self._chances[state][action]
        )
        reward = self._rewards[state][action][self._state]
        return Step(state, action, reward, self._state, self._state not in self._choices)


def play(
    environment: Environment, policy: Sequence[Sequence[float]], generator: random.Random
) -> list[Step]:
    """One episode with actions drawn from a policy: a row of probabilities for each state."""
    steps, state, done = [], environment.reset(), False
    while not done:
        [action] = generator.choices(range(len(policy[state])), policy[state])
        steps.append(environment.step(action))
        state, done = steps[-1].next_state, steps[-1].done
    return steps


def returns_to_go(rewards: Sequence[float], *, gamma: float) -> list[float]:
    """G_t = r_t + γ G_{t+1}: the rewards from step t on, later ones discounted.

    >>> returns_to_go([1.0, 0.0, 6.0], gamma=1.0), returns_to_go([1.0, 0.0, 6.0], gamma=0.0)
    ([7.0, 6.0, 6.0], [1.0, 0.0, 6.0])
    """
    total, backwards = 0.0, []
    for reward in reversed(rewards):
        total = reward + gamma * total
        backwards.append(total)
    return backwards[::-1]
