"""Over-optimisation and the frontier on GPT-2-small, by the code of the small world."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from rlhf_lab import runs
from rlhf_lab.experiments import frontier, overoptimisation
from rlhf_lab.experiments.review_task import EVALUATED, VISITS, Scale, Task
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.gpt2_sampling import Size, comparisons, responses
from rlhf_lab.gpt2_tasks import Task as World
from rlhf_lab.models import frozen_copy
from rlhf_lab.responses import Responses
from rlhf_lab.rewards.functions import as_reward, standardised
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.train.loop import Metrics, history
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model

EXPERIMENTS: dict[str, ModuleType] = {"frontier": frontier, "overoptimisation": overoptimisation}
REWARD_MODEL_RATE = 1e-4
STANDARD = 512  # responses that the reward model is standardised on
RATES = {"ppo_rate": 1e-4, "grpo_rate": 1e-4, "dpo_rate": 5e-5, "sft_rate": 1e-4}
"""the largest of three for each method, 1, 3 and 10 times 1e-5 (DPO: half of that)

Chosen on seed 100 so that all runs go far enough in 30 sampled steps, or 60 of fitting."""


@dataclass(frozen=True, kw_only=True)
class GPT2Task(Task):
    """The task of one seed around GPT-2-small; the last quarter of the openings is held out."""

    world: World

    def openings(self) -> list[list[int]]:
        """The prompts of methods that sample."""
        return split(self.world)[0]

    def written(self, policy: nn.Module) -> Responses:
        """Fresh responses to held-out openings."""
        held_out = replace(self.world, policy=policy, prompts=split(self.world)[1])
        return responses(held_out, count=EVALUATED, seed=10_000 + self.seed)

    def described(self, responses: Responses) -> Metrics:
        """The share of different texts."""
        return {"distinct": len(set(self.world.written(responses))) / len(responses)}


def split(world: World) -> tuple[list[list[int]], list[list[int]]]:
    """Openings to train on and openings held out."""
    cut = len(world.prompts) * 3 // 4
    return world.prompts[:cut], world.prompts[cut:]


def scale_of(world: World, size: Size) -> Scale:
    """`RATES`, and twice as many steps of fitting as of sampling."""
    return Scale(
        **RATES,
        sampled_steps=size.steps,
        fitted_steps=2 * size.steps,
        adam=partial(torch.optim.Adam, fused=True),
        batch=size.batch_size,
        micro_batch_size=size.micro_batch_size,
        max_tokens=world.max_tokens,
        end_token=world.end_token,
    )


def task_around(world: World, size: Size) -> Callable[..., Task]:
    """What makes the task of a seed: comparisons of GPT-2's own responses, and a reward model.

    The reward model reads `VISITS` pairs whatever their number, as in the small world.
    """

    def make(seed: int, *, pairs: int) -> Task:
        reference = frozen_copy(world.policy)
        here = replace(world, policy=reference, prompts=split(world)[0])
        labelled = comparisons(here, replace(size, pairs=pairs, seed=seed))
        model = reward_model(world.policy, seed=seed)
        config = RewardModelConfig(
            steps=max(1, VISITS // size.batch_size),
            batch_size=size.batch_size,
            micro_batch_size=size.micro_batch_size,
            learning_rate=REWARD_MODEL_RATE,
            seed=seed,
        )
        history(train_reward_model(model, ranked_pairs(labelled), config, pairwise_loss))
        proxy = as_reward(response_rewards, model, batch_size=size.micro_batch_size)
        proxy = standardised(proxy, responses(here, count=STANDARD, seed=20_000 + seed))

        def many(openings: int, each: int) -> Responses:
            asked = [row for row in split(world)[1][:openings] for _ in range(each)]
            return responses(replace(here, prompts=asked), count=len(asked), seed=seed)

        return GPT2Task(
            reference=reference,
            pairs=labelled,
            proxy=proxy,
            seed=seed,
            gold=world.reward,
            scale=scale_of(world, size),
            many=many,
            world=world,
        )

    return make


def record(
    experiment: str,
    world: World,
    size: Size,
    folder: Path,
    *,
    made: dict,
    only: Collection[str] | None = None,
) -> Iterator[Path]:
    """Record one seed of every variant, or of those named, as "gpt2-small-NAME".

    What is recorded already is kept. `made` says how the world was made. Raises ValueError for a
    variant that does not exist.
    """
    module = EXPERIMENTS[experiment]
    chosen = module.VARIANTS if only is None else only
    if unknown := sorted(set(chosen) - set(module.VARIANTS)):
        raise ValueError(f"no variant {unknown[0]!r}; there are {', '.join(module.VARIANTS)}")
    for variant in chosen:
        settings, name = module.VARIANTS[variant], f"gpt2-small-{variant}"
        if (folder / name / f"seed-{size.seed}.json").exists():
            continue
        start = time.perf_counter()
        metrics = module.run(size.seed, **settings, make=task_around(world, size))
        used = asdict(size) | settings | {"world": world.name} | made
        seconds = time.perf_counter() - start
        run = runs.recorded(name, seed=size.seed, settings=used, metrics=metrics, seconds=seconds)
        yield runs.save(run, folder)
