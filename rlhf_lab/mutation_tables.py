"""The recorded mutation report as HTML: by result, by kind, and what was accepted and why."""

from collections import Counter
from html import escape

from rlhf_lab.derivations import catalogue
from rlhf_lab.html_tables import framed, table
from rlhf_lab.mutation_record import MutationRecord


def by_result(record: MutationRecord) -> str:
    """One row a result, folded: its lines, its mutants, how many were refused or are equivalent."""
    rows = []
    for found in record.tallies:
        mutants, equivalent = sum(found.mutants.values()), len(found.accepted)
        numbers = (found.lines, mutants, mutants - equivalent, found.with_values, equivalent)
        rows.append((escape(found.name), *numbers))
    total = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    head = ("result", "lines", "altered", "refused", "with values", "equivalent")
    rows.append(("<strong>all</strong>", *total))
    folded = table(head, rows, label="mutants by result")
    return framed(
        f"<details><summary>All {len(record.tallies)} results</summary>{folded}</details>"
    )


def by_kind(record: MutationRecord) -> str:
    """How many mutants there are of each kind."""
    kinds = sum((Counter(found.mutants) for found in record.tallies), Counter())
    return table(("kind", "mutants"), kinds.most_common(), label="mutants by kind")


def equivalents(record: MutationRecord) -> str:
    """Each altered line that was accepted, under the reason why it says the same."""
    why, names_by_reason = catalogue.equivalent(), {}
    for found in record.tallies:
        for name in found.accepted:
            if name not in why:
                raise ValueError(f"accepted without a reason in EQUIVALENT: {name}")
            names_by_reason.setdefault(why[name], []).append(name)
    parts = [
        f"<details><summary>{escape(reason)} ({len(names)})</summary><ul>"
        + "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
        + "</ul></details>"
        for reason, names in names_by_reason.items()
    ]
    return framed("\n".join(parts))
