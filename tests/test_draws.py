"""Tokens drawn from logits: each as often as its probability says, on either way of summing."""

import pytest
import torch
from gpu import DEVICES

from rlhf_lab import draws
from rlhf_lab.draws import BLOCK, cumulative_sum, drawn, in_blocks

LENGTHS = [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 10 * BLOCK - 7]


@pytest.mark.parametrize("length", LENGTHS)
def test_sums_in_blocks_are_the_cumulative_sum(length):
    x = torch.rand(3, length, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = in_blocks(x)
    assert torch.allclose(found[:, :length], x.cumsum(dim=1), atol=1e-12)
    assert (found[:, length:] == found[:, length - 1 : length]).all()
    assert found.shape[1] % BLOCK == 0


def test_a_number_of_0_at_the_start_of_a_block_adds_nothing():
    """In float32 the sums of blocks are rounded otherwise than those within."""
    x = torch.rand(2_000, 40 * BLOCK, generator=torch.Generator().manual_seed(0))
    x[:, ::BLOCK] = 0
    steps = in_blocks(x / x.sum(dim=1, keepdim=True)).double().diff(dim=1)
    assert steps[:, BLOCK - 1 :: BLOCK].abs().max() < 1e-15
    assert steps.min() >= 0


def test_a_processor_sums_as_torch_does():
    x = torch.rand(3, 3 * BLOCK + 1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(cumulative_sum(x), x.cumsum(dim=1))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("blocks", [False, True])
def test_the_token_is_the_first_whose_cumulative_probability_exceeds_the_number(
    device, length, blocks, monkeypatch
):
    if blocks:
        monkeypatch.setattr(draws, "cumulative_sum", in_blocks)
    generator = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(200, length, generator=generator, dtype=torch.float64)
    uniform = torch.rand(200, 1, generator=generator, dtype=torch.float64)
    uniform[0] = 0
    uniform[1] = 1 - 2**-53
    token, logprob = (x.cpu() for x in drawn(logits.to(device), uniform.to(device)))
    logprobs = logits.log_softmax(dim=1)
    cumulative = logprobs.exp().cumsum(dim=1)
    expected = (cumulative <= uniform * cumulative[:, -1:]).sum(dim=1)
    assert torch.equal(token[2:], expected[2:])
    assert token[0] == 0
    assert token[1] in (length - 1, length - 2)
    assert torch.allclose(logprob, logprobs[torch.arange(200), token], atol=1e-12)


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize(("uniform", "token"), [(0.0, 1), (1.0, 3)])
def test_the_ends_of_the_unit_interval_give_real_tokens(monkeypatch, uniform, token, blocks):
    """A draw of 0 skips a token of probability 0; rounding up to 1 stays in the vocabulary."""
    if blocks:
        monkeypatch.setattr(draws, "cumulative_sum", in_blocks)
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, 0.0]], dtype=torch.float64)
    found, _ = drawn(logits, torch.full((1, 1), uniform, dtype=torch.float64))
    assert found.item() == token


@pytest.mark.parametrize("blocks", [False, True])
def test_a_number_near_1_never_falls_behind_probabilities_that_sum_to_less(monkeypatch, blocks):
    """Rounded probabilities need not sum to 1, and the last token has none."""
    if blocks:
        monkeypatch.setattr(draws, "cumulative_sum", in_blocks)
    logits = torch.randn(500, 300, generator=torch.Generator().manual_seed(0))
    logits[:, -1] = -torch.inf
    near = 1 - 2**-24
    assert (draws.cumulative_sum(logits.softmax(dim=1))[:, -1] < near).any()
    token, _ = drawn(logits, torch.full((500, 1), near))
    assert token.max() < 299
