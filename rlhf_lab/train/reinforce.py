"""REINFORCE, the plainest policy gradient, on a table of logits: one row for each state."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.settings import require_count, require_positive, require_seed, require_share
from rlhf_lab.train.loop import Metrics, update
from rlhf_lab.worlds.decisions import DecisionProcess
from rlhf_lab.worlds.environment import Environment, Step, play, returns_to_go


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig:
    """Settings of one run."""

    steps: int
    """number of updates"""
    episodes: int = 16
    """episodes played for each of them"""
    gamma: float = 1.0
    """γ, what a reward one step later counts; 0: only the reward of the action itself"""
    learning_rate: float = 0.2
    """of Adam"""
    seed: int = 0

    def __post_init__(self):
        require_count(steps=self.steps)
        require_count(least=2, episodes=self.episodes)
        require_seed(seed=self.seed)
        require_share(gamma=self.gamma)
        require_positive(learning_rate=self.learning_rate)


def train_reinforce(
    logits: nn.Parameter, process: DecisionProcess, config: ReinforceConfig
) -> Iterator[Metrics]:
    """Train the table `logits` (state, action) in place; yields one dictionary of metrics a step.

    Ascends the mean over episodes of Σ_t (G_t - mean G_t) log π(a_t | s_t), with Adam. For γ = 1
    that is the policy gradient of Williams 1992; the mean over the batch is the baseline. Raises
    ValueError where the table does not fit the process.
    """
    expected = (len(process.states), len(process.actions))
    if tuple(logits.shape) != expected:
        raise ValueError(f"logits must have shape {expected}, got {tuple(logits.shape)}")
    return _steps(logits, process, config)


def _steps(logits, process, config) -> Iterator[Metrics]:
    generator = random.Random(config.seed)
    environment = Environment(process, generator=generator)
    optimizer = torch.optim.Adam([logits], lr=config.learning_rate)
    for step in range(config.steps):
        policy = logits.detach().softmax(dim=-1).tolist()
        episodes = [play(environment, policy, generator) for _ in range(config.episodes)]
        loss = reinforce_loss(logits, episodes, gamma=config.gamma)
        limits = {"learning_rate": config.learning_rate, "max_grad_norm": float("inf")}
        grad_norm = update(optimizer, loss, step=step, **limits)
        earned = sum(move.reward for episode in episodes for move in episode) / len(episodes)
        yield {"step": step, "return": earned, "loss": loss.item(), "grad_norm": grad_norm}


def reinforce_loss(
    logits: Float[Tensor, "state action"], episodes: Sequence[Sequence[Step]], *, gamma: float
) -> Float[Tensor, ""]:
    """-1/n Σ_episodes Σ_t (G_t - mean over episodes of G_t) log π(a_t | s_t).

    The mean holds the episode itself. Where all episodes have one length, that makes the expected
    gradient (n - 1)/n of that of the return, and leaves its direction. Where only m of them reach
    step t, the mean is over those, and its part shrinks by (m - 1)/m: late steps count for less.
    Raises ValueError for fewer than two episodes.
    """
    if len(episodes) < 2:
        raise ValueError(
            f"at least two episodes are needed, got {len(episodes)}: one alone is its own mean, so "
            "nothing would be learnt"
        )
    per_step: dict[int, list[float]] = {}
    moves: list[tuple[int, int, int, float]] = []
    for episode in episodes:
        returns = returns_to_go([move.reward for move in episode], gamma=gamma)
        for t, (move, total) in enumerate(zip(episode, returns, strict=True)):
            per_step.setdefault(t, []).append(total)
            moves.append((t, move.state, move.action, total))
    baseline = {t: sum(totals) / len(totals) for t, totals in per_step.items()}
    states, actions = (torch.tensor([move[i] for move in moves]) for i in (1, 2))
    advantages = torch.tensor([total - baseline[t] for t, _, _, total in moves], dtype=logits.dtype)
    chosen = logits.log_softmax(dim=-1)[states, actions]
    return -(advantages * chosen).sum() / len(episodes)
