"""Do annotators agree? A table of their judgements, the share that agrees, Krippendorff's alpha.

Alpha comes from the library `krippendorff`. Unlike Cohen's kappa it takes any number of annotators,
judgements that are missing, and scales as well as labels.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

import krippendorff
import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.feedback.kinds import Comparison, Feedback, Rating, Thumb

Table = Float[Tensor, "annotator item"]


def judgements(feedback: Sequence[Feedback]) -> Table:
    """What each annotator said of each item, NaN where nothing. Rows and columns as they come.

    Of a comparison: 1 where the text that is first in the alphabet won, else 0. Of a rating: its
    score. Of a thumb: 1 or 0. Raises ValueError for rankings (use `as_pairs`), for several kinds
    or scales at once, and where an annotator judged an item twice.
    """
    kinds = {(type(item).__name__, getattr(item, "points", None)) for item in feedback}
    if len(kinds) != 1:
        raise ValueError(f"judgements must be of one kind and scale, got {sorted(map(str, kinds))}")
    said = [(item.annotator, *_judged(item)) for item in feedback]
    rows, columns = ({name: n for n, name in enumerate(dict.fromkeys(c))} for c in _names(said))
    table = torch.full((len(rows), len(columns)), torch.nan, dtype=torch.float64)
    for annotator, item, value in said:
        if not table[rows[annotator], columns[item]].isnan():
            raise ValueError(f"{annotator!r} judged {item!r} twice: no table holds both")
        table[rows[annotator], columns[item]] = value
    return table


def agreement_share(table: Table) -> float:
    """How often two annotators say the same of an item that both judged. NaN if none did."""
    same = pairs = 0
    for column in table.T:
        said = Counter(column[~column.isnan()].tolist())
        same += sum(n * (n - 1) // 2 for n in said.values())
        pairs += said.total() * (said.total() - 1) // 2
    return same / pairs if pairs else float("nan")


def nominal_alpha(table: Table) -> float:
    """Krippendorff's α = 1 - observed / expected disagreement, of labels: 1 perfect, 0 chance.

    For comparisons and thumbs (Krippendorff 2011). Raises ValueError where α is 0/0: all judgements
    are equal, or no item was judged twice.
    """
    return _alpha(table, "nominal")


def ordinal_alpha(table: Table) -> float:
    """Krippendorff's α of ratings: far apart counts more, by the ratings that lie between.

    Errors as `nominal_alpha`.
    """
    return _alpha(table, "ordinal")


def _alpha(table: Table, level: str) -> float:
    judged_twice = table[:, (~table.isnan()).sum(dim=0) > 1]
    if len(judged_twice[~judged_twice.isnan()].unique()) < 2:
        raise ValueError(
            "alpha is not defined: it needs items that two annotators judged, and two different "
            "judgements of such items; use agreement_share"
        )
    return float(krippendorff.alpha(table.numpy(), level_of_measurement=level))


def _judged(item: Feedback) -> tuple[Hashable, float]:
    if isinstance(item, Comparison):
        pair = tuple(sorted((item.chosen, item.rejected)))
        return (item.prompt, *pair), float(item.chosen == pair[0])
    if isinstance(item, Rating):
        return (item.prompt, item.response), float(item.score)
    if isinstance(item, Thumb):
        return (item.prompt, item.response), float(item.up)
    raise ValueError("a ranking is many judgements: make pairs of it with as_pairs")


def _names(said: list[tuple]) -> tuple[list[str], list[Hashable]]:
    return [annotator for annotator, _, _ in said], [item for _, item, _ in said]
