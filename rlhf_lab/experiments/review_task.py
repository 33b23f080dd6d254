"""One task for every method that learns from noisy comparisons of film reviews, and its measures.

A seed gives comparisons and a reward model of them, the proxy. A run of any method is measured
along its way, so that one run gives many points of the plane of reward and KL.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, flawless_share, preference_pairs, rollout
from rlhf_lab.experiments.on_the_way import measured_along
from rlhf_lab.experiments.reward_reviews import fitted_reward
from rlhf_lab.kl import exact_kl
from rlhf_lab.logprobs import response_logits, token_logprobs
from rlhf_lab.masked import masked_mean, sum_over_tokens
from rlhf_lab.models import frozen_copy
from rlhf_lab.responses import Preferences, Responses
from rlhf_lab.rewards.functions import Reward, standardised
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import END, gold_rewards, prompts, texts

VISITS = 4000  # pairs that a reward model reads: of n pairs, each VISITS / n times
EVALUATED = 192  # fresh responses a point


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a size of model asks of every method: rates and lengths of runs, and memory."""

    ppo_rate: float = 5e-3
    """of policy and critic"""
    grpo_rate: float = 4e-3
    dpo_rate: float = 1.5e-3
    sft_rate: float = 1e-3
    sampled_steps: int = 15
    """of PPO and GRPO, which are measured five times on the way"""
    fitted_steps: int = 60
    """of DPO and fine-tuning, which are measured six times on the way"""
    batch: int = 32
    """pairs, or texts, of a fitted step"""
    micro_batch_size: int | None = None
    adam: Callable[..., torch.optim.Optimizer] = torch.optim.Adam
    """of PPO, GRPO and DPO"""
    max_tokens: int = MAX_TOKENS
    end_token: int | None = END

    def sampling(self) -> dict:
        """The settings that PPO and GRPO share."""
        names = ("max_tokens", "end_token", "micro_batch_size")
        return {name: getattr(self, name) for name in names} | {"optimizer": self.adam}


@dataclass(frozen=True)
class Task:
    """One seed: the reference, the comparisons, and the reward model fitted to them.

    The rest says in which world; the default is that of film reviews.
    """

    reference: nn.Module
    pairs: Preferences
    proxy: Reward
    """of mean 0 and std 1 over responses of the reference"""
    seed: int
    gold: Reward = gold_rewards
    scale: Scale = Scale()
    many: Callable[[int, int], Responses] | None = None
    """for the best of n: responses of the reference to so many openings, so many to each"""

    def openings(self) -> list[list[int]]:
        """The prompts of methods that sample."""
        return prompts(512, seed=1000 + self.seed)

    def written(self, policy: nn.Module) -> Responses:
        """Fresh responses to openings drawn anew, most of them also among those of training."""
        generator = torch.Generator().manual_seed(self.seed)
        return rollout(policy, EVALUATED, seed=10_000 + self.seed, generator=generator).responses

    def described(self, responses: Responses) -> Metrics:
        """Measures of the texts themselves: shares of flawless and of different ones."""
        distinct = len(set(texts(responses))) / len(responses)
        return {"flawless": flawless_share(responses), "distinct": distinct}


@lru_cache(maxsize=1)
def task(seed: int, *, pairs: int) -> Task:
    """`pairs` comparisons labelled from gold at temperature 0.25, and a reward model of them.

    The reward model makes the same number of updates whatever the pairs: fewer pairs, more passes.
    """
    reference = frozen_copy(review_model())
    data = preference_pairs(reference, pairs, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    written = rollout(reference, 512, seed=20_000 + seed, generator=generator).responses
    fitted = fitted_reward(data, seed=seed, passes=VISITS // pairs)
    return Task(reference, data, standardised(fitted, written), seed)


def along(
    task: Task, policy: nn.Module, training: Iterable[Metrics], *, every: int
) -> Iterator[Metrics]:
    """What the policy is before training and after each `every` steps of it."""
    return measured_along(training, partial(evaluated, task, policy), every=every)


@torch.no_grad()
def evaluated(task: Task, policy: nn.Module) -> Metrics:
    """Fresh responses to openings drawn anew: gold, proxy, exact KL in nats a response, and more.

    `surprise` is -log ref, nats a token: the log of the perplexity under the reference. `distinct`
    is the share of different texts.
    """
    drawn = task.written(policy)
    described = task.described(drawn)
    logits, reference_logits = (response_logits(m, drawn) for m in (policy, task.reference))
    kl = sum_over_tokens(exact_kl(logits, reference_logits), drawn.mask)
    surprise = -token_logprobs(reference_logits, drawn.tokens)
    return {
        "gold": task.gold(drawn).mean().item(),
        "proxy": task.proxy(drawn).mean().item(),
        "kl": kl.mean().item(),
        "kl_median": kl.median().item(),
        **described,
        "surprise": masked_mean(surprise, drawn.mask).item(),
        "tokens": drawn.mask.sum(dim=1).double().mean().item(),
    }


def side_by_side(paths: Mapping[str, Iterable[Metrics]]) -> History:
    """One table of several paths: the column "NAME METRIC" holds a metric of the path NAME."""
    return {
        f"{name} {metric}": values
        for name, path in paths.items()
        for metric, values in history(path).items()
    }
