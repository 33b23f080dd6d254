"""What became of all wrong versions of a derivation: how many were tried, which got through."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.mutation import mutants, refusal


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The mutants of one derivation: how many of each kind, and the names of those accepted.

    with_values: how many of the refused were shown a point and both values there.
    """

    name: str
    lines: int
    mutants: dict[str, int]
    with_values: int
    accepted: tuple[str, ...]


def tally(make: Callable[[], Chain]) -> Tally:
    """Build a derivation and try every mutant of it."""
    derivation = make()
    tried = {mutant: refusal(mutant, derivation) for mutant in mutants(derivation)}
    return Tally(
        name=derivation.name,
        lines=len(derivation.lines),
        mutants=dict(sorted(Counter(mutant.kind for mutant in tried).items())),
        with_values=sum(1 for refused in tried.values() if refused and refused.left),
        accepted=tuple(str(mutant) for mutant, refused in tried.items() if refused is None),
    )
