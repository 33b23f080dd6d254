"""Whether two answers, or two sets of inputs, are the same."""

import torch
from torch import Tensor, nn


def difference(got: object, expected: object, tolerance: float) -> str:
    """In words, how the answer differs from the expected one; empty where it does not."""
    if got is None:
        return "the function returned nothing; did you forget `return`?"
    if not is_of_numbers(got):
        return f"expected a tensor or a number, got {type(got).__name__}"
    got, expected = torch.as_tensor(got), torch.as_tensor(expected)
    if got.shape != expected.shape:
        return f"expected the shape {tuple(expected.shape)}, got {tuple(got.shape)}"
    if expected.dtype == torch.bool and got.dtype != torch.bool:
        return f"expected true and false (torch.bool), got {got.dtype}"
    got, expected = got.double(), expected.double()
    if got.isnan().any() and not expected.isnan().any():
        return "the answer holds NaN"
    largest = (got - expected).abs().max().item()
    if torch.allclose(got, expected, rtol=tolerance, atol=tolerance):
        return ""
    return f"the answer is off by up to {largest:.3g}"


def is_of_numbers(answer: object) -> bool:
    """Whether torch makes a tensor of it."""
    try:
        torch.as_tensor(answer)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


def same_inputs(before: dict, after: dict) -> bool:
    """True where no tensor, list or number was changed, and no weight of a model."""
    return list(before) == list(after) and all(same(x, after[name]) for name, x in before.items())


def same(x: object, y: object) -> bool:
    """True for equal numbers of one type; of models those in their states count."""
    if isinstance(x, nn.Module):
        return same_inputs(x.state_dict(), y.state_dict())
    if isinstance(x, Tensor):
        return x.dtype == y.dtype and torch.equal(x, y)
    return x == y
