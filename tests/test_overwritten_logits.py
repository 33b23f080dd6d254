import pytest
import torch

from rlhf_lab.logprobs import token_logprobs
from rlhf_lab.overwritten_logits import overwriting_token_logprobs

TOKENS = torch.tensor([[0, 4, 2], [1, 1, 3]])


def logits():
    return 3 * torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)).double()


def test_its_gradient_is_that_of_finite_differences():
    """In float64. torch's gradcheck goes back twice through one graph, which is refused here."""
    weights = torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).double()

    def value(x):
        return (weights * overwriting_token_logprobs(x * 1, TOKENS)).sum()

    x = logits().requires_grad_()
    (gradient,) = torch.autograd.grad(value(x), x)
    steps = 1e-6 * torch.eye(x.numel(), dtype=torch.float64).view(-1, *x.shape)
    with torch.no_grad():
        slopes = [(value(x + step) - value(x - step)) / 2e-6 for step in steps]
    assert torch.allclose(gradient.flatten(), torch.stack(slopes), atol=1e-8)


def test_it_is_the_plain_log_softmax_also_where_a_token_is_forbidden():
    plain, own = logits().requires_grad_(), logits().requires_grad_()
    forbidden = torch.zeros(2, 3, 5, dtype=torch.bool)
    forbidden[:, :, 4] = True
    forbidden[0, 1, 4] = False
    weights = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]], dtype=torch.float64)
    one = token_logprobs(plain.masked_fill(forbidden, -torch.inf), TOKENS)
    other = overwriting_token_logprobs(own.masked_fill(forbidden, -torch.inf), TOKENS)
    assert torch.allclose(one, other, atol=1e-14)
    for found in (one, other):
        (weights * found).sum().backward()
    assert torch.allclose(plain.grad, own.grad, atol=1e-14)


def test_a_derivative_of_its_derivative_is_an_error_and_not_a_wrong_number():
    x = logits().requires_grad_()
    found = overwriting_token_logprobs(x * 1, TOKENS).sum()
    with pytest.raises(RuntimeError, match=r"one derivative and no second; take token_logprobs"):
        torch.autograd.grad(found, x, create_graph=True)


def test_a_second_backward_pass_is_an_error_and_not_a_wrong_number():
    x = logits().requires_grad_()
    found = overwriting_token_logprobs(x * 1, TOKENS).sum()
    found.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        found.backward()
