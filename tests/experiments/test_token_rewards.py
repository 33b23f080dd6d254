import pytest
import torch

from rlhf_lab.experiments import token_rewards
from rlhf_lab.experiments.token_rewards import BATCH, LEVELS, gradient

GENERATOR = torch.Generator().manual_seed(0)
WORTHS = torch.randn(4, 3, generator=GENERATOR, dtype=torch.float64)
LOGITS = torch.randn(4, 3, generator=GENERATOR, dtype=torch.float64)


@pytest.mark.parametrize("level", LEVELS)
def test_every_credit_has_the_expected_gradient_of_the_return(level):
    """∂ Σ_a p_a w_a / ∂ logit, times 1 - 1/N: the baseline holds the sample itself."""
    logits = LOGITS.clone().requires_grad_()
    (logits.softmax(dim=1) * WORTHS).sum().backward()
    expected = logits.grad * (1 - 1 / BATCH)
    draws = torch.stack(
        [gradient(LOGITS, WORTHS, LEVELS[level], 0.5, GENERATOR) for _ in range(3000)]
    )
    error = draws.std(dim=0) / 3000**0.5
    assert ((draws.mean(dim=0) - expected).abs() < 4.5 * error).all()


def test_without_noise_a_finer_credit_is_less_noisy_and_with_it_that_turns_round():
    def noise(level, size):
        return token_rewards.run(0, level=level, noise=size, steps=10)["relative_noise"][0]

    assert noise("own", 0.0) < noise("token", 0.0) < noise("response", 0.0)
    assert noise("token", 3.0) > noise("response", 3.0)


def test_learning_starts_at_nothing_and_nears_all():
    table = token_rewards.run(0, level="own", noise=0.0, length=5, steps=200)
    assert table["share"][0] == pytest.approx(0, abs=1e-12)
    assert 0.95 < table["share"][-1] <= 1
