"""Are rewards for each token learned from faster than one for each response? (RM-12 to RM-14)

Hypothesis: crediting a token with the rewards that follow it makes the gradient less noisy than
crediting it with the whole response, by up to √2, and crediting it with its own alone, which is
right here, by much more; so they learn in fewer samples. Noise on each token's reward turns that
round: it adds up over the response. Refuted if the whole response learns as fast without noise, or
if noise on the token rewards does not slow them below the response's.

World: `length` tokens of 3, each worth its entry of a random table (position, token); the return is
their sum. A table of logits learns by the policy gradient with the batch's mean as baseline. All
gradients have the same expectation. Expected returns are exact.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, ends, together
from rlhf_lab.train.loop import History

VARIANTS = {
    f"token-rewards-{level}-noise-{noise}": {"level": level, "noise": noise}
    for level in ("own", "token", "response")
    for noise in (0.0, 1.0, 3.0)
}
TOKENS = 3
BATCH = 4
DRAWS = 400  # batches, to estimate the noise of their gradient
# Only own rewards without noise are best at the edge, with nearly all that is possible.
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def run(
    seed: int, *, level: str, noise: float, length: int = 40, steps: int = 500, every: int = 10
) -> History:
    """Expected return, as a share of what is possible, against the number of sampled responses.

    `share` is that of the learning rate in `best_rate`, whose mean share over all steps is highest:
    the verdict judges by it too. `noise` is the standard deviation added to each label: to every
    token's reward, or once to the response's.
    `relative_noise` is √(E|g - E g|² / |E g|²) of a gradient at the start.
    """
    generator = torch.Generator().manual_seed(seed)
    worths = torch.randn(length, TOKENS, generator=generator, dtype=torch.float64)
    credited = LEVELS[level]
    settings = (steps, every, generator)
    paths = {rate: learned(worths, credited, noise, rate, *settings) for rate in RATES}
    rate = max(paths, key=lambda rate: np.mean(paths[rate]))
    samples = [BATCH * step for step in range(0, steps + 1, every)]
    spread = relative_noise(worths, credited, noise, generator)
    once = {"best_rate": [rate] * len(samples), "relative_noise": [spread] * len(samples)}
    return {"samples": samples, "share": paths[rate]} | once


def learned(
    worths: Float[Tensor, "position vocab"],
    credited,
    noise: float,
    rate: float,
    steps: int,
    every: int,
    generator: torch.Generator,
) -> list[float]:
    """The share of the possible gain before the first step and after each `every`."""
    logits = torch.zeros_like(worths)
    lowest, highest = worths.mean(dim=1).sum(), worths.amax(dim=1).sum()
    shares = []
    for step in range(steps + 1):
        if step % every == 0:
            expected = (logits.softmax(dim=1) * worths).sum()
            shares.append(((expected - lowest) / (highest - lowest)).item())
        logits = logits + rate * gradient(logits, worths, credited, noise, generator)
    return shares


def credited_by_own(
    rewards: Float[Tensor, "sample token"], noise: float, generator: torch.Generator
) -> Float[Tensor, "sample token"]:
    """r_t + noise: a token's own reward, all that it changes in this world."""
    return rewards + noise * torch.randn(rewards.shape, generator=generator, dtype=torch.float64)


def credited_by_token(
    rewards: Float[Tensor, "sample token"], noise: float, generator: torch.Generator
) -> Float[Tensor, "sample token"]:
    """Σ_{s ≥ t} (r_s + noise): what follows a token."""
    return credited_by_own(rewards, noise, generator).flip(1).cumsum(1).flip(1)


def credited_by_response(
    rewards: Float[Tensor, "sample token"], noise: float, generator: torch.Generator
) -> Float[Tensor, "sample token"]:
    """Σ_s r_s + noise, the same for every token."""
    total = rewards.sum(dim=1, keepdim=True)
    total = total + noise * torch.randn(total.shape, generator=generator, dtype=torch.float64)
    return total.expand_as(rewards)


LEVELS = {
    "own": credited_by_own,
    "token": credited_by_token,
    "response": credited_by_response,
}


def gradient(
    logits: Float[Tensor, "position vocab"],
    worths: Float[Tensor, "position vocab"],
    credited,
    noise: float,
    generator: torch.Generator,
) -> Float[Tensor, "position vocab"]:
    """1/N Σ_i ∇ log π(y_it) (G_it - mean_i G_it): policy gradient of a batch, with a baseline."""
    probabilities = logits.softmax(dim=1)
    tokens = torch.multinomial(probabilities, BATCH, replacement=True, generator=generator).T
    rewards = worths.gather(1, tokens.T).T
    credit = credited(rewards, noise, generator)
    advantages = credit - credit.mean(dim=0)
    scores = torch.nn.functional.one_hot(tokens, TOKENS).double() - probabilities
    return (scores * advantages[..., None]).mean(dim=0)


def relative_noise(worths, credited, noise: float, generator: torch.Generator) -> float:
    """The gradient's noise over its length, both estimated from many batches at the start."""
    start = torch.zeros_like(worths)
    many = torch.stack([gradient(start, worths, credited, noise, generator) for _ in range(DRAWS)])
    variance = many.var(dim=0).sum()
    squared = many.mean(dim=0).square().sum() - variance / DRAWS  # unbiased
    return (variance / squared).sqrt().item()


def verdict(runs: Recorded) -> Verdict:
    """Faster: a higher mean share over all steps."""

    def noise_of(level: str) -> np.ndarray:
        return ends(runs[f"token-rewards-{level}-noise-0.0"], "relative_noise")

    def speed(level: str, noise: float) -> np.ndarray:
        recorded = runs[f"token-rewards-{level}-noise-{noise}"]
        return np.array([np.mean(run.metrics["share"]) for run in recorded])

    response, token = noise_of("response"), noise_of("token")
    return together(
        above("gradient noise, response over token", response / token, 1.0),
        above("the same, token over own", token / noise_of("own"), 2.0),
        above("mean share, token less response", speed("token", 0.0) - speed("response", 0.0)),
        above("mean share, own less response", speed("own", 0.0) - speed("response", 0.0)),
        above("noise 3, response less token", speed("response", 3.0) - speed("token", 3.0)),
    )
