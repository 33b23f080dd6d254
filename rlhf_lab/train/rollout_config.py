"""The settings of every loop that samples its own responses."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from rlhf_lab.settings import (
    of,
    require_callable,
    require_count,
    require_count_or_none,
    require_kind,
    require_positive,
    require_seed,
)


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """Settings that every loop with fresh responses has."""

    steps: int
    """number of times that responses are sampled"""
    max_tokens: int
    """longest response, in tokens"""
    end_token: int | None
    """a response ends with it; None: every response has max_tokens tokens"""
    min_tokens: int = 1
    """shortest response, in tokens"""
    temperature: float = 1.0
    """T: responses are drawn from softmax(logits / T), and scored with it"""
    minibatch_size: int = 64
    """responses an update"""
    micro_batch_size: int | None = None
    """responses scored and learnt from at a time, which changes no result; None: all of them.
    (Sampling writes all of them at once.)"""
    epochs: int = 4
    """passes over the responses of a step"""
    learning_rate: float = 1e-5
    """at the first step; it falls in a line to 0"""
    max_grad_norm: float = 1.0
    """the gradient is scaled down to this norm"""
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam
    measure_update: bool = True
    """score the responses once more after a step's updates, to tell how far these moved the policy
    ("kl_to_old" and the like); without, a step is a pass forward shorter"""
    seed: int = 0

    def __post_init__(self):
        require_count(**of(self, "steps", "max_tokens", "min_tokens", "minibatch_size", "epochs"))
        if self.end_token is not None:
            require_count(least=0, end_token=self.end_token)
        require_count_or_none(micro_batch_size=self.micro_batch_size)
        require_seed(seed=self.seed)
        require_positive(**of(self, "temperature", "learning_rate", "max_grad_norm"))
        require_callable(optimizer=self.optimizer)
        require_kind(bool, measure_update=self.measure_update)
