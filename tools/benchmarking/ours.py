"""Our side: the losses on given data, and timed steps of the training loops as they are."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial

import torch
from torch import nn

from benchmarking import work
from rlhf_lab import precision
from rlhf_lab.advantages import gae, token_rewards
from rlhf_lab.captured_passes import captured
from rlhf_lab.feedback.ranked import ranked_pairs
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.kl import k1
from rlhf_lab.logprobs import response_logprobs, response_values
from rlhf_lab.losses import (
    clipped_policy_loss,
    clipped_value_loss,
    dpo_loss,
    grpo_loss,
    implicit_reward,
)
from rlhf_lab.masked import whiten
from rlhf_lab.models import ScalarModel
from rlhf_lab.responses import Preferences, Responses
from rlhf_lab.rewards.functions import as_reward
from rlhf_lab.rewards.losses import pairwise_loss
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.sampling import sample
from rlhf_lab.train.dpo import DPOConfig, pair_logprobs, train_dpo
from rlhf_lab.train.grpo import GRPOConfig, train_grpo
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.reward_model import RewardModelConfig, train_reward_model

ADAM = partial(torch.optim.AdamW, fused=True, weight_decay=0.0)


def policy(size: str, *, seed: int, device: str = "cpu") -> GPT2:
    """The package's GPT-2 on the same weights."""
    return GPT2(work.language_model(size, seed=seed, device=device)).eval()


def scalar(size: str, *, seed: int, device: str = "cpu") -> ScalarModel:
    """A trunk under a linear head, with the weights of the peer's."""
    model = reward_model(policy(size, seed=seed, device=device), seed=seed)
    with torch.no_grad():
        model.head.weight.copy_(work.head_weights(size, seed=seed))
    return model.to(device)


def responses(prompts: torch.Tensor, tokens: torch.Tensor) -> Responses:
    """A batch without padding."""
    return Responses(
        prompts, torch.ones_like(prompts, dtype=torch.bool),
        tokens, torch.ones_like(tokens, dtype=torch.bool),
    )  # fmt: skip


def preferences(size: str, count: int) -> Preferences:
    """The pairs that both sides are given."""
    data = work.pairs(size, count)
    return Preferences(*(responses(data["prompt"], data[side]) for side in ("chosen", "rejected")))


def first_token_reward(batch: Responses) -> torch.Tensor:
    """A reward that costs nothing and differs within a group."""
    return (batch.tokens[:, 0] % 7).float()


def dpo_value(size: str) -> torch.Tensor:
    """DPO's loss of one batch; the reference has other weights."""
    data = preferences(size, work.PAIRS)
    rewards = [
        implicit_reward(ours, theirs.detach(), beta=work.BETA_DPO)
        for ours, theirs in zip(
            pair_logprobs(policy(size, seed=0), data),
            pair_logprobs(policy(size, seed=1), data),
            strict=True,
        )
    ]
    return dpo_loss(*rewards)


def grpo_value(size: str) -> torch.Tensor:
    """GRPO's loss of given responses and advantages, on the policy that wrote them."""
    data = work.rollout(size)
    batch = responses(data["prompts"], data["tokens"])
    new = response_logprobs(policy(size, seed=0), batch)
    reference = response_logprobs(policy(size, seed=1), batch).detach()
    advantages = data["advantages"][:, None].expand(new.shape)
    limits = {"epsilon": work.EPSILON, "beta": work.BETA_GRPO}
    return grpo_loss(new, new.detach(), reference, advantages, batch.mask, **limits)


def ppo_value(size: str) -> torch.Tensor:
    """PPO's two losses of given responses; all four models have weights of their own."""
    data = work.rollout(size)
    batch = responses(data["prompts"], data["tokens"])
    mask, critic = batch.mask, scalar(size, seed=2)
    new, values = response_logprobs(policy(size, seed=0), batch), response_values(critic, batch)
    with torch.no_grad():
        reference = response_logprobs(policy(size, seed=1), batch)
        scores = response_rewards(scalar(size, seed=3), batch)
        old, before = new.detach(), values.detach()
        rewards = token_rewards(scores, k1(old, reference), mask, beta=work.BETA_PPO)
        raw = gae(rewards, before, mask, gamma=work.GAMMA, lam=work.LAM)
    sides = new, old, whiten(raw, mask), mask
    fit = values, before, raw + before, mask
    return clipped_policy_loss(*sides, epsilon=work.EPSILON) + (
        work.VALUE_WEIGHT * clipped_value_loss(*fit, epsilon=work.EPSILON)
    )


def reward_model_value(size: str) -> torch.Tensor:
    """The loss of a reward model on one batch of pairs."""
    return pairwise_loss(scalar(size, seed=2), ranked_pairs(preferences(size, work.PAIRS)))


VALUES: dict[str, Callable[[str], torch.Tensor]] = {
    "dpo": dpo_value,
    "grpo": grpo_value,
    "ppo": ppo_value,
    "reward-model": reward_model_value,
}


def run_of(workload: str, size: str, steps: int, device: str) -> Iterator[object]:
    """One item a step, taken by the training loop of the workload."""
    model = policy(size, seed=0, device=device)
    rate = {"learning_rate": work.LEARNING_RATE}
    if workload == "decode":
        return decoded(model, size, steps, device)
    if workload == "dpo":
        data = preferences(size, steps * work.PAIRS).to(device)
        config = DPOConfig(
            steps=steps, batch_size=work.PAIRS, beta=work.BETA_DPO, optimizer=ADAM, warmup_steps=0,
            **rate,
        )  # fmt: skip
        return train_dpo(model, policy(size, seed=1, device=device), data, config)
    if workload == "reward-model":
        data = ranked_pairs(preferences(size, steps * work.PAIRS)).to(device)
        config = RewardModelConfig(
            steps=steps, batch_size=work.PAIRS, warmup_steps=0, optimizer=ADAM, **rate
        )
        return train_reward_model(scalar(size, seed=2, device=device), data, config, pairwise_loss)
    return sampled(workload, model, size, steps, device, rate)


def sampled(workload, model: nn.Module, size: str, steps: int, device: str, rate: dict):
    """GRPO and PPO, one pass over 32 fresh responses to four prompts.

    How far the update moved the policy is not measured: neither does the peer.
    """
    prompts = work.rollout(size)["prompts"]
    shared = {"steps": steps, "max_tokens": work.NEW, "end_token": None, "epochs": 1}
    shared |= {"minibatch_size": work.ROWS, "optimizer": ADAM, "measure_update": False} | rate
    reference = policy(size, seed=1, device=device)
    if workload == "grpo":
        config = GRPOConfig(
            prompts_per_step=work.PROMPTS, group_size=work.GROUP, beta=work.BETA_GRPO, **shared
        )
        given = prompts[:: work.GROUP].tolist()
        return train_grpo(model, first_token_reward, given, config, reference=reference)
    config = PPOConfig(
        batch_size=work.ROWS, beta=work.BETA_PPO, critic_learning_rate=work.LEARNING_RATE, **shared
    )
    return train_ppo(
        model,
        as_reward(response_rewards, scalar(size, seed=3, device=device)),
        prompts[:: work.GROUP].tolist(),
        config,
        reference=reference,
        critic=scalar(size, seed=2, device=device),
    )


def decoded(model: nn.Module, size: str, steps: int, device: str) -> Iterator[int]:
    """Sampling alone."""
    prompts = work.rollout(size)["prompts"].to(device)
    mask = torch.ones_like(prompts, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    for step in range(steps):
        sample(model, prompts, mask, max_tokens=work.NEW, end_token=None, generator=generator)
        yield step


def prepare(workload: str, size: str) -> None:
    """Nothing more has to be loaded."""


def timed(workload: str, size: str, mode: str, steps: int, device: str) -> dict:
    """Seconds of each of `steps` steps after a first one; `mode` "bf16" computes in bfloat16.

    On a GPU passes are captured as CUDA graphs: the first timed step captures those that train.
    What samples is compiled in the step before.
    """
    with precision.bfloat16() if mode == "bf16" else nullcontext(), captured(compiled=True):
        return in_its_precision(workload, size, steps, device)


def in_its_precision(workload: str, size: str, steps: int, device: str) -> dict:
    """Seconds of each step.

    DPO's loop scores its reference once for all pairs, before its first step; as each pair is used
    once here, every step is charged with its share of that.
    """
    run, clock = run_of(workload, size, steps + 1, device), work.Clock(device)
    clock.tick()
    for _ in run:
        clock.tick()
    found = clock.steps()
    if workload == "dpo":
        shares = reference_share(size, device)
        found = {name: [x + shares[name] for x in times] for name, times in found.items()}
    return found | {"first": clock.first}


@torch.no_grad()
def reference_share(size: str, device: str) -> dict[str, float]:
    """Seconds in which the reference scores one batch of pairs."""
    reference = policy(size, seed=1, device=device)
    data = preferences(size, work.PAIRS).to(device)
    clock = work.Clock(device)
    for _ in range(3):
        clock.tick()
        pair_logprobs(reference, data)
    clock.tick()
    return {name: sorted(times)[0] for name, times in clock.steps().items()}
