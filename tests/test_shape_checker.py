"""What the tests' own checker of shapes sees."""

import pytest
import shape_checker
import torch
from jaxtyping import TypeCheckError

from rlhf_lab.kl import k1

TWO, ONE = torch.zeros(2), torch.zeros(1)


def test_the_first_calls_are_checked_and_then_no_more(monkeypatch):
    monkeypatch.setattr(shape_checker, "MOST_CHECKS", 20)
    with pytest.raises(TypeCheckError):
        k1(TWO, ONE)
    for _ in range(20):
        k1(TWO, TWO)
    assert torch.equal(k1(TWO, ONE), TWO)


@pytest.mark.parametrize("again", range(2))
def test_each_test_begins_anew(again):
    with pytest.raises(TypeCheckError):
        k1(TWO, ONE)
    for _ in range(shape_checker.MOST_CHECKS):
        k1(TWO, TWO)
    assert torch.equal(k1(TWO, ONE), TWO)
