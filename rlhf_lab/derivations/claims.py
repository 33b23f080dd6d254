"""Which derivations prove which claim of the ledger, as their docstrings say.

The printed errors of the notes are in `notes.REFUSED`.
"""

import re
from collections.abc import Callable

from rlhf_lab.derivations.catalogue import results
from rlhf_lab.derivations.derivation import Derivation

NAMES = re.compile(r"\b([A-Z]+)-(\d+)((?:, -\d+)*)")


def named_claims(text: str) -> list[str]:
    """The claims that a text names.

    >>> named_claims("GAE with λ = 0. PPO-9, -10; Schulman et al. 2016, Eq. 17.")
    ['PPO-9', 'PPO-10']
    """
    return [
        f"{prefix}-{number}"
        for prefix, first, others in NAMES.findall(text)
        for number in (first, *re.findall(r"\d+", others))
    ]


def proofs() -> dict[str, tuple[Callable[[], Derivation], ...]]:
    """Each claim with the derivations that prove it, in reading order."""
    found: dict[str, tuple[Callable[[], Derivation], ...]] = {}
    for make in results():
        for claim in named_claims(make.__doc__):
            found[claim] = (*found.get(claim, ()), make)
    return found
