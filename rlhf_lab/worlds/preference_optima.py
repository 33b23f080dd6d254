"""Where IPO and SimPO end on endless comparisons, as a vector over all responses of a world.

The comparisons are of two responses drawn from the reference. `preferred[y, y']` is the probability
that y wins against y'.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rlhf_lab.settings import require_positive
from rlhf_lab.worlds.optimum import optimal_logprobs

BISECTIONS = 200

Vector = Float[Tensor, "response"]


def win_rates(reference: Vector, preferred: Float[Tensor, "response response"]) -> Vector:
    """Σ_y' ref(y') p(y ≻ y'): how often y wins against a response of the reference."""
    return preferred @ reference.exp()


def ipo_optimum(
    reference: Vector, preferred: Float[Tensor, "response response"], *, tau: float
) -> Vector:
    """log π of IPO: ref exp(win rate / τ) / Z, the win rate in the place of the reward.

    Azar et al. 2023 (IPO), section 5, with the reference as the policy that is compared with.
    """
    return optimal_logprobs(reference, win_rates(reference, preferred), beta=tau)


def simpo_optimum(rewards: Vector, lengths: Int[Tensor, "response"], *, beta: float) -> Vector:
    """log π of SimPO without its margin: |y| (r(y) + c) / β, with c such that π sums to 1.

    Labels are Bradley-Terry's: where β/|y| log π(y) and the reward differ by one constant, every
    comparison has its true odds. No reference is in it. Not in the paper; found by hand. c by
    bisection, since the sum rises with it. Raises ValueError unless β > 0.
    """
    require_positive(beta=beta)
    low = -rewards.max() - beta * torch.tensor(float(len(rewards))).log() - 1
    high = -rewards.min()
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        too_large = (lengths * (rewards + middle) / beta).exp().sum() > 1
        low, high = torch.where(too_large, low, middle), torch.where(too_large, middle, high)
    return (lengths * (rewards + low) / beta).log_softmax(dim=0)
