"""Every result of the catalogue, built once for all tests of it, which run one after the other."""

from collections.abc import Callable

import pytest

from rlhf_lab.derivations.catalogue import results
from rlhf_lab.derivations.derivation import Derivation


@pytest.fixture(scope="session", params=results(), ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Callable[[], Derivation]:
    """The function that builds the result."""
    return request.param


@pytest.fixture(scope="session")
def derivation(make: Callable[[], Derivation]) -> Derivation:
    """The result."""
    return make()
