"""What GPT-2-small writes for a task: samples to look at, and pairs with simulated labels."""

from dataclasses import dataclass

import torch

from rlhf_lab.feedback.ranked import stacked
from rlhf_lab.gpt2_tasks import Task
from rlhf_lab.preferences import sample_comparison
from rlhf_lab.responses import Preferences, Responses
from rlhf_lab.settings import of, require_count, require_seed
from rlhf_lab.train.rollout_config import RolloutConfig
from rlhf_lab.train.rollouts import prompt_batch, responses_to
from rlhf_lab.train.scores import rewards_of

SHOWN = 4  # samples before and after a run
TOGETHER = 256  # responses sampled at a time


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much a run computes."""

    steps: int = 200
    batch_size: int = 64
    """responses a step; or pairs, or texts"""
    micro_batch_size: int = 8
    """of them in memory at a time"""
    pairs: int = 4096
    """comparisons, for a reward model and for DPO"""
    group_size: int = 8
    seed: int = 0

    def __post_init__(self):
        require_count(**of(self, "steps", "batch_size", "micro_batch_size", "pairs"))
        require_count(least=2, group_size=self.group_size)
        require_seed(seed=self.seed)

    def shared(self) -> dict:
        """The settings that every algorithm has."""
        return of(self, "steps", "micro_batch_size", "seed")


def responses(task: Task, *, count: int, seed: int) -> Responses:
    """One response of the policy to each of the task's first `count` prompts, again from the start.

    In several processes all call it, and all have the whole.
    """
    numbers = [n % len(task.prompts) for n in range(count)]
    config = RolloutConfig(steps=1, max_tokens=task.max_tokens, end_token=task.end_token)
    batch = prompt_batch([task.prompts[n] for n in numbers], [task.policy], config)
    generator = torch.Generator().manual_seed(seed)
    parts = [
        responses_to(batch[rows], task.policy, config, generator)
        for rows in torch.arange(count).split(TOGETHER)
    ]
    return stacked(parts)


def samples(task: Task) -> list[str]:
    """What the policy writes now, prompt included; the same prompts and random numbers always."""
    return task.written(responses(task, count=SHOWN, seed=0))


def comparisons(task: Task, size: Size) -> Preferences:
    """Pairs of the policy's responses, labelled by the task's reward as Bradley-Terry would."""
    first, second = (
        responses(task, count=size.pairs, seed=seed) for seed in (2 * size.seed, 2 * size.seed + 1)
    )
    rewards = (rewards_of(task.reward, side).cpu() for side in (first, second))
    scaled = (reward / task.label_temperature for reward in rewards)
    wins = sample_comparison(*scaled, torch.Generator().manual_seed(size.seed))
    both, rows = stacked([first, second]), torch.arange(size.pairs)
    winners, losers = (torch.where(chosen, rows, rows + size.pairs) for chosen in (wins, ~wins))
    return Preferences(both[winners], both[losers])
