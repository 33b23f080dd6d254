"""What became of all wrong versions of a derivation: how many were tried, which got through."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.mutation import mutants, survives


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The mutants of one derivation: how many of each kind, and the names of those accepted."""

    name: str
    lines: int
    mutants: dict[str, int]
    accepted: tuple[str, ...]


def tally(make: Callable[[], Chain]) -> Tally:
    """Build a derivation and try every mutant of it."""
    derivation = make()
    every = list(mutants(derivation))
    accepted = (str(mutant) for mutant in every if survives(mutant, derivation))
    return Tally(
        name=derivation.name,
        lines=len(derivation.lines),
        mutants=dict(sorted(Counter(mutant.kind for mutant in every).items())),
        accepted=tuple(accepted),
    )
