"""Does an annotator agree with itself? Circles among three responses, a over b over c over a.

Where a score stands behind every judgement there is no circle but by chance.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from rlhf_lab.feedback.kinds import Comparison
from rlhf_lab.shapes import require_bools

Wins = Bool[Tensor, "winner loser"]


def wins(comparisons: Sequence[Comparison]) -> Wins:
    """Who beat whom, where one annotator compared every two of some responses once.

    Rows and columns in the order in which the responses come. Raises ValueError for several
    annotators or prompts, for a pair that was compared twice, and for one that is missing.
    """
    judged = {(item.annotator, item.prompt) for item in comparisons}
    if len(judged) != 1:
        raise ValueError(f"expected one annotator and one prompt, got {sorted(judged)}")
    names = dict.fromkeys(text for c in comparisons for text in (c.chosen, c.rejected))
    number = {name: n for n, name in enumerate(names)}
    table = torch.zeros(len(names), len(names), dtype=torch.bool)
    for item in comparisons:
        winner, loser = number[item.chosen], number[item.rejected]
        if table[winner, loser] or table[loser, winner]:
            raise ValueError(f"{item.chosen!r} and {item.rejected!r} were compared twice")
        table[winner, loser] = True
    _check_complete(table)
    return table


def circular_triads(wins: Wins) -> int:
    """How many threes run in a circle: n(n-1)(2n-1)/12 - ½ Σ_i a_i², a_i the wins of i.

    Kendall and Babington Smith 1940. Raises ValueError unless one of every two won, in a square
    table of bools.
    """
    _check_complete(wins)
    n, won = len(wins), wins.sum(dim=1)
    return (n * (n - 1) * (2 * n - 1) // 6 - int(won.square().sum())) // 2


def consistence(wins: Wins) -> float:
    """ζ = 1 - circles / the most that n responses allow: 1 is an order (same source).

    The most are (n³ - n)/24 for odd n and (n³ - 4n)/24 for even n; a coin gives near 0 where n is
    large. Raises ValueError for fewer than three responses, and as `circular_triads`.
    """
    n = len(wins)
    if n < 3:
        raise ValueError(f"a circle needs at least 3 responses, got {n}")
    return 1 - circular_triads(wins) / ((n**3 - (n if n % 2 else 4 * n)) // 24)


def _check_complete(table: Wins) -> None:
    require_bools("winner loser", sizes=(len(table), len(table)), wins=table)
    once = table ^ table.T
    missing = int((~once).sum() - len(table)) // 2
    if missing or table.diagonal().any():
        raise ValueError(f"every two must be compared once, with one winner; {missing} pairs lack")
