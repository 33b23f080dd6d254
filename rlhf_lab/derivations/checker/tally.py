"""What became of all wrong versions of a derivation: how many were tried, which got through."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rlhf_lab.derivations.checker.checking import RefusedError, check_equal
from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.mutation import Mutant, mutants, refusal

INEQUALITIES = frozenset("<>≤≥")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The mutants of one derivation: how many of each kind, and the names of those accepted.

    with_values: how many of the refused were shown a point and both values there. bounds: how many
    of the accepted are not the line's own formula but another bound, that is true as well.
    """

    name: str
    lines: int
    mutants: dict[str, int]
    with_values: int
    accepted: tuple[str, ...]
    bounds: int


def tally(make: Callable[[], Chain]) -> Tally:
    """Build a derivation and try every mutant of it."""
    derivation = make()
    tried = {mutant: refusal(mutant, derivation) for mutant in mutants(derivation)}
    accepted = [mutant for mutant, refused in tried.items() if refused is None]
    return Tally(
        name=derivation.name,
        lines=len(derivation.lines),
        mutants=dict(sorted(Counter(mutant.kind for mutant in tried).items())),
        with_values=sum(1 for refused in tried.values() if refused and refused.left),
        accepted=tuple(map(str, accepted)),
        bounds=sum(is_another_bound(mutant, derivation) for mutant in accepted),
    )


def is_another_bound(mutant: Mutant, derivation: Chain) -> bool:
    """Whether the line is an inequality, and the mutant's formula differs from the line's."""
    line = derivation.lines[mutant.line - 1]
    if line.sign not in INEQUALITIES:
        return False
    try:
        check_equal(line.expression, mutant.expression, derivation.given)
    except RefusedError:
        return True
    return False
