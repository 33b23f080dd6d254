"""Every test computes on one thread, and with the shapes and types of the package checked."""

from pathlib import Path

import pytest
import shape_checker
import torch
from jaxtyping import install_import_hook

PACKAGE = Path(__file__).resolve().parents[1] / "rlhf_lab"

# For models this small two threads are several times slower.
torch.set_num_threads(1)

# The derivations have no tensors, and call small functions of sympy's so often that checking their
# types would take a third of the time of their tests.
install_import_hook(
    [f"rlhf_lab.{path.stem}" for path in PACKAGE.iterdir() if path.stem != "derivations"],
    "shape_checker.check",
)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The fixtures of a test belong to it."""
    shape_checker.begin()
