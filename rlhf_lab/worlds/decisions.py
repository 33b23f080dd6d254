"""Decision processes with few states: what every policy earns, and which is best, exactly.

A policy is a table: a row of probabilities of the actions for each state. An episode begins in the
first state and ends in one where nothing more can happen.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from rlhf_lab.settings import require_share
from rlhf_lab.shapes import require_floats

PolicyTable = Float[Tensor, "*policy state action"]


@dataclass(frozen=True)
class DecisionProcess:
    """P(next state | state, action), and the reward of each such move; a Markov decision process.

    A state is an end where its transitions are all 0. Raises ValueError where names and arrays do
    not fit or hold no finite floats of one dtype, where the probabilities of a state that is no end
    do not sum to 1 as closely as their dtype can, and where a state leads to itself or to one
    before it: every episode must end.
    """

    states: tuple[str, ...]
    actions: tuple[str, ...]
    transitions: Float[Tensor, "state action next"]
    rewards: Float[Tensor, "state action next"]

    def __post_init__(self):
        expected = (len(self.states), len(self.actions), len(self.states))
        tables = {"transitions": self.transitions, "rewards": self.rewards}
        require_floats("state action next", sizes=expected, **tables)
        _require_dtype(self.transitions.dtype, rewards=self.rewards)
        for name, table in tables.items():
            if not table.isfinite().all():
                raise ValueError(f"{name} must be finite numbers")
        rounding = len(self.states) * torch.finfo(self.transitions.dtype).eps
        sums = self.transitions.sum(dim=-1)
        ends = (self.transitions == 0).all(dim=-1).all(dim=-1)
        if (self.transitions < 0).any() or ((sums - 1).abs() > max(1e-9, rounding))[~ends].any():
            raise ValueError(
                "the transitions of each state and action must be probabilities that sum to 1, or "
                "0 for every action of an end"
            )
        if self.transitions.amax(dim=1).tril().any():
            raise ValueError("a state must lead to states after it only, so that episodes end")

    @property
    def choices(self) -> tuple[int, ...]:
        """The states in which there is something to decide."""
        return tuple(self.transitions.sum(dim=(1, 2)).nonzero().flatten().tolist())

    def number(self, name: str) -> int:
        """The place of a state. Raises ValueError where none is called so."""
        if name not in self.states:
            raise ValueError(f"there is no state {name!r}; the states are {', '.join(self.states)}")
        return self.states.index(name)

    def same_as(self, other: "DecisionProcess") -> bool:
        """Whether names, transitions and rewards are equal."""
        return (self.states, self.actions) == (other.states, other.actions) and all(
            torch.equal(getattr(self, table), getattr(other, table))
            for table in ("transitions", "rewards")
        )

    @property
    def expected_rewards(self) -> Float[Tensor, "state action"]:
        """r(s, a) = Σ_s' P(s' | s, a) r(s, a, s')."""
        return (self.transitions * self.rewards).sum(dim=-1)


def values(
    process: DecisionProcess, policy: PolicyTable, *, gamma: float
) -> Float[Tensor, "*policy state"]:
    """V(s) = E[r_0 + γ r_1 + γ² r_2 + ...] from each state: V = (1 - γ P_π)⁻¹ r_π.

    P_π and r_π are the transitions and rewards with the policy's actions averaged out. 0 at an
    end. Sutton and Barto 2018, Eq. 3.14 (Bellman's equation of V, solved for V). Raises ValueError
    for a table whose rows are no probabilities that sum to 1, or of another dtype than the process.
    """
    require_share(gamma=gamma)
    _require_dtype(process.rewards.dtype, policy=policy)
    if not ((policy >= 0).all() and ((policy.sum(dim=-1) - 1).abs() < 1e-4).all()):
        raise ValueError("a policy needs probabilities that sum to 1 in each of its rows")
    moves = torch.einsum("...sa,san->...sn", policy, process.transitions)
    rewards = (policy * process.expected_rewards).sum(dim=-1)
    identity = torch.eye(len(process.states), dtype=moves.dtype)
    return torch.linalg.solve(identity - gamma * moves, rewards[..., None]).squeeze(-1)


def expected_return(process: DecisionProcess, policy: PolicyTable) -> Float[Tensor, "*policy"]:
    """J(π) = E[Σ_t r_t], the sum of all rewards of an episode, from the first state."""
    return values(process, policy, gamma=1.0)[..., 0]


def action_values(
    process: DecisionProcess, state_values: Float[Tensor, "state"], *, gamma: float
) -> Float[Tensor, "state action"]:
    """Q(s, a) = r(s, a) + γ Σ_s' P(s' | s, a) V(s'): this action now, then what V stands for."""
    require_share(gamma=gamma)
    _require_dtype(process.rewards.dtype, state_values=state_values)
    return process.expected_rewards + gamma * process.transitions @ state_values


def best_policy(process: DecisionProcess, *, gamma: float) -> Float[Tensor, "state action"]:
    """Dynamic programming: V(s) ← max_a Q(s, a) until nothing changes; then the action of the max.

    Each sweep makes one more of the last moves right, so as many sweeps as states are enough. Of
    equal actions the first is taken. Sutton and Barto 2018, Eq. 4.10.
    """
    state_values = torch.zeros(len(process.states), dtype=process.rewards.dtype)
    for _ in process.states:
        state_values = action_values(process, state_values, gamma=gamma).amax(dim=-1)
    best = action_values(process, state_values, gamma=gamma).argmax(dim=-1)
    return one_hot(best, len(process.actions)).to(process.rewards.dtype)


def uniform_policy(process: DecisionProcess) -> Float[Tensor, "state action"]:
    """Every action as likely as the others."""
    count = len(process.actions)
    return torch.full((len(process.states), count), 1 / count, dtype=process.rewards.dtype)


def all_policies(process: DecisionProcess) -> Float[Tensor, "policy state action"]:
    """Every policy that takes one action in each state; at the ends, where none counts, the first.

    Raises ValueError for more than a million of them.
    """
    choices, count = process.choices, len(process.actions)
    if count ** len(choices) > 10**6:
        raise ValueError(f"{count}^{len(choices)} policies are too many to list: take fewer states")
    chosen = torch.tensor(list(itertools.product(range(count), repeat=len(choices))))
    actions = torch.zeros(len(chosen), len(process.states), dtype=torch.long)
    actions[:, list(choices)] = chosen
    return one_hot(actions, count).to(process.rewards.dtype)


def _require_dtype(dtype: torch.dtype, **tables: Tensor) -> None:
    for name, table in tables.items():
        if table.dtype != dtype:
            raise ValueError(f"{name} must be {dtype}, got {table.dtype}; use .to({dtype})")
