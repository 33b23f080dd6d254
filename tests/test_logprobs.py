import pytest
import torch

from rlhf_lab.logprobs import (
    response_logits,
    response_logprobs,
    sequence_logprobs,
    token_logprobs,
    without_early_end,
)
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad

MODEL = tiny_gpt2(11, layers=2, width=16, heads=2, context=12, seed=0).double()
PROMPTS = [[1, 2, 3], [4]]
ANSWERS = [[5, 6], [7, 8, 9, 10]]


def test_token_logprobs_are_torchs_cross_entropy():
    logits, tokens = torch.randn(2, 3, 5, dtype=torch.float64), torch.randint(5, (2, 3))
    expected = torch.nn.functional.cross_entropy(logits.mT, tokens, reduction="none")
    assert torch.allclose(token_logprobs(logits, tokens), -expected)


def test_sum_of_token_logprobs_is_the_models_own_loss():
    """transformers' loss over a whole text (in float32), the prompt's labels switched off."""
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        ids = torch.tensor([prompt + answer])
        labels = torch.tensor([[-100] * len(prompt) + answer])
        mean = MODEL(input_ids=ids, labels=labels).loss
        total = sequence_logprobs(MODEL, pad([prompt], [answer]))
        assert total.item() == pytest.approx(-mean.item() * len(answer), abs=1e-6)


def test_padding_changes_nothing():
    together = response_logprobs(MODEL, pad(PROMPTS, ANSWERS, pad_token=7))
    for row, (prompt, answer) in enumerate(zip(PROMPTS, ANSWERS, strict=True)):
        alone = response_logprobs(MODEL, pad([prompt], [answer]))
        assert torch.allclose(together[row, : len(answer)], alone[0], atol=1e-10)


def test_what_stands_at_a_pad_changes_nothing():
    one = sequence_logprobs(MODEL, pad(PROMPTS, ANSWERS, pad_token=0))
    other = sequence_logprobs(MODEL, pad(PROMPTS, ANSWERS, pad_token=9))
    assert torch.allclose(one, other, atol=1e-12)


def test_later_tokens_do_not_change_earlier_logits():
    full = response_logits(MODEL, pad([[1, 2]], [[3, 4, 5]]))
    changed = response_logits(MODEL, pad([[1, 2]], [[3, 4, 6]]))
    assert torch.allclose(full, changed)


def test_temperature_divides_the_logits():
    batch = pad(PROMPTS, ANSWERS)
    warm = response_logprobs(MODEL, batch, temperature=2.0)
    expected = token_logprobs(response_logits(MODEL, batch) / 2, batch.tokens)
    assert torch.allclose(warm, expected)
    assert not torch.allclose(warm, response_logprobs(MODEL, batch))


def test_probabilities_of_all_responses_sum_to_1():
    answers = [[a, b] for a in range(11) for b in range(11)]
    logprobs = sequence_logprobs(MODEL, pad([[1, 2]] * len(answers), answers))
    assert logprobs.exp().sum().item() == pytest.approx(1, abs=1e-10)


def test_a_forbidden_early_end_leaves_the_other_tokens_their_proportions():
    """The distribution given that the response does not end at one of the first two tokens."""
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    allowed = without_early_end(logits, min_tokens=3, end_token=1).softmax(-1)
    free = logits.softmax(-1)
    assert (allowed[:, :2, 1] == 0).all()
    others = [0, 2, 3, 4]
    expected = free[:, :2, others] / (1 - free[:, :2, 1:2])
    assert torch.allclose(allowed[:, :2, others], expected)
    assert torch.equal(allowed[:, 2:], free[:, 2:])
