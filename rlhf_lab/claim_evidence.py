"""Which derivations prove a claim and which experiments test it, as their docstrings say."""

import re
from html import escape
from types import ModuleType

from rlhf_lab.derivations.claims import proofs
from rlhf_lab.experiment_tables import anchor, name_of, question
from rlhf_lab.html_tables import claim_span, table
from rlhf_lab.runs import Run

CHAPTERS = ("RL", "AL", "FR", "FB", "RM", "RLHF", "PPO", "DPO", "GRPO")
CLAIMS = re.compile(r"\b([A-Z]+)-(\d+)((?: to [A-Z]+-\d+|, -\d+)*)")


def tested_claims(module: ModuleType) -> list[str]:
    """The claims that an experiment's question names: "(FB-10 to FB-12, PPO-9, -10)" names five."""
    names = []
    for prefix, first, more in CLAIMS.findall(question(module)):
        numbers = [int(first)]
        for joint, number in re.findall(r"( to [A-Z]+|, )-(\d+)", more):
            start = int(number) if joint == ", " else numbers[-1] + 1
            numbers += range(start, int(number) + 1)
        names += [f"{prefix}-{number}" for number in numbers]
    return names


def evidence_by_claim(found: dict[ModuleType, dict[str, list[Run]]]) -> str:
    """A row a claim: the results that prove it, and the recorded experiments that test it."""
    proven = proofs()
    tested: dict[str, list[ModuleType]] = {}
    for module in found:
        for claim in tested_claims(module):
            tested.setdefault(claim, []).append(module)
    rows = [
        (
            claim_span(claim),
            ", ".join(f"<code>{make.__name__}</code>" for make in proven.get(claim, ())),
            ", ".join(
                f'<a href="experiments.html#{anchor(module)}">{escape(name_of(module))}</a>'
                for module in tested.get(claim, ())
            ),
        )
        for claim in sorted(proven.keys() | tested.keys(), key=by_chapter)
    ]
    return table(["Claim", "Proved by", "Recorded experiments"], rows, label="Evidence by claim")


def by_chapter(claim: str) -> tuple[int, int]:
    """The place of a claim in the book's order."""
    prefix, number = claim.rsplit("-", 1)
    return CHAPTERS.index(prefix), int(number)
