"""Derived formulas as numbers, to be compared with what the package computes."""

import torch

from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.interpretation import Interpretation

mpf = ARITHMETIC.mpf


def value(expression, given, known):
    """A derived formula in the world in which letters and tables have these values."""
    world = Interpretation(given, 0)
    world.known |= {key: mpf(float(number)) for key, number in known.items()}
    return float(world.value(expression))


def table(function, numbers, *behind):
    """f(1), f(2), ... as `value` takes them, with what stands behind the outcome."""
    return {(function, mpf(k), *behind): x for k, x in enumerate(numbers, start=1)}


def close(derived, coded, tolerance=1e-10):
    """Raises AssertionError unless both are equal in float64, to ten digits."""
    derived = torch.as_tensor(derived, dtype=torch.float64)
    coded = torch.as_tensor(coded, dtype=torch.float64).detach()
    torch.testing.assert_close(derived, coded, rtol=tolerance, atol=tolerance)
