"""The verdicts on the page of experiments, computed from the recorded runs when it is built."""

from html import escape
from types import ModuleType

from rlhf_lab.experiments.verdicts import Recorded, Verdict
from rlhf_lab.runs import runs_of

FEWEST_SEEDS = 5


def verdict_of(module: ModuleType, variants: Recorded) -> Verdict | None:
    """The experiment's verdict; None where a variant that it needs has fewer than five seeds.

    An experiment may name variants of another one in `BORROWED`, which its verdict needs as well:
    they are the recorded ones where they are not given.
    """
    found = {name: variants.get(name, []) for name in module.VARIANTS}
    for name in getattr(module, "BORROWED", ()):
        found[name] = variants[name] if name in variants else runs_of(name)
    if min(len(runs) for runs in found.values()) < FEWEST_SEEDS:
        return None
    return module.verdict(found)


def in_a_word(verdict: Verdict | None) -> str:
    """Its outcome, for a cell of a table."""
    return "not recorded" if verdict is None else verdict.outcome


def in_full(verdict: Verdict | None) -> str:
    """Its outcome, and each part with its numbers, as HTML."""
    if verdict is None:
        return f"<p>No verdict: a variant has fewer than {FEWEST_SEEDS} seeds.</p>"
    parts = "".join(f"<li>{escape(part)}</li>" for part in verdict.sentence.split("; "))
    return f"<p>Verdict: <strong>{verdict.outcome}</strong>.</p><ul>{parts}</ul>"
