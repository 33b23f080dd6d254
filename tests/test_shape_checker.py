"""What the tests' own checker of shapes sees."""

import pytest
import shape_checker
import torch
from jaxtyping import TypeCheckError

from rlhf_lab.losses import clipped_surrogate

TWO, ONE = torch.zeros(2), torch.zeros(1)


def of_one_shape(x, y):
    """A function of the package that asks for one shape and does without it."""
    return clipped_surrogate(x, y, 0.2)


def test_the_first_calls_are_checked_and_then_no_more(monkeypatch):
    monkeypatch.setattr(shape_checker, "MOST_CHECKS", 20)
    with pytest.raises(TypeCheckError):
        of_one_shape(TWO, ONE)
    for _ in range(20):
        of_one_shape(TWO, TWO)
    assert torch.equal(of_one_shape(TWO, ONE), TWO)


@pytest.mark.parametrize("again", range(2))
def test_each_test_begins_anew(again):
    with pytest.raises(TypeCheckError):
        of_one_shape(TWO, ONE)
    for _ in range(shape_checker.MOST_CHECKS):
        of_one_shape(TWO, TWO)
    assert torch.equal(of_one_shape(TWO, ONE), TWO)
