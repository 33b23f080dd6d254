"""The ledger of claims, chapters/claims.yml: read, checked, and compared with the pages."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

VERDICTS = ("holds", "holds if", "corrected", "contested")
EVIDENCE = ("proof", "exact", "experiment", "demo", "source")
REQUIRED = {"claim", "verdict", "evidence", "chapter"}
FIELDS = REQUIRED | {"note", "source"}


class LedgerError(ValueError):
    """A ledger that cannot be used; the message names file, line and row."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One row: the claim in our own words, what became of it, and where that is shown."""

    name: str  # DPO-7
    claim: str
    verdict: str
    note: str  # condition, corrected form, or who disagrees; may be empty when the claim holds
    evidence: tuple[str, ...]
    source: str  # the place in a paper, with its citation; may be empty
    chapter: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place on a page that names a claim."""

    name: str
    page: str
    line: int


def problems_of_row(row: object) -> Iterator[str]:
    """What is wrong with one row, as its author should read it."""
    if not isinstance(row, dict):
        yield f"expected a mapping with {', '.join(sorted(REQUIRED))}, got {row!r}"
        return
    if missing := sorted(REQUIRED - set(row)):
        yield f"lacks {', '.join(missing)}"
    if unknown := sorted(str(field) for field in set(row) - FIELDS):
        yield f"has unknown fields: {', '.join(unknown)}; known are {', '.join(sorted(FIELDS))}"
    for field in ("claim", "chapter", "note", "source"):
        if field in row and not (isinstance(row[field], str) and row[field].strip()):
            yield f"{field} should be a text, got {row[field]!r}"
    if "verdict" in row and row["verdict"] not in VERDICTS:
        yield f"verdict should be one of {', '.join(VERDICTS)}; got {row['verdict']!r}"
    if row.get("verdict", "holds") != "holds" and "note" not in row:
        yield f"verdict {row['verdict']!r} needs a note: the condition, or the corrected form"
    if "source" in (row.get("evidence") or ()) and "source" not in row:
        yield "its evidence names a source; say which: the paper with equation, table or page"
    if "evidence" in row and not is_evidence(row["evidence"]):
        yield f"evidence should be a list out of {', '.join(EVIDENCE)}; got {row['evidence']!r}"


def is_evidence(value: object) -> bool:
    """True for a list, not empty and without repetition, of kinds of evidence."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(kind in EVIDENCE for kind in value)
        and len(set(value)) == len(value)
    )


def read_ledger(path: Path) -> dict[str, Claim]:
    """The rows by name, in the file's order; LedgerError lists everything that is wrong."""
    loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        raise LedgerError(f"{path.name} is not YAML: {error}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise LedgerError(f"{path.name}: expected rows by name (DPO-7: ...), got a {root.id}")
    claims: dict[str, Claim] = {}
    problems = []
    for key, value in root.value:
        name, line = str(key.value), key.start_mark.line + 1
        row = loader.construct_object(value, deep=True)
        found = list(problems_of_row(row))
        if not re.fullmatch(r"[A-Z]+-[0-9]+", name):
            found.append("a name is capital letters, a hyphen and a number, as in DPO-7")
        if name in claims:
            found.append(f"stands twice; first on line {claims[name].line}")
        problems += [f"{path.name}:{line}: {name}: {problem}" for problem in found]
        if not found:
            evidence = tuple(row.pop("evidence"))
            given = {"note": "", "source": ""} | row
            claims[name] = Claim(name=name, line=line, evidence=evidence, **given)
    if problems:
        raise LedgerError("\n".join(problems))
    return claims


def problems_of_marks(
    claims: dict[str, Claim], marks: Iterable[Mark], folder: str
) -> Iterator[tuple[str, Mark | Claim]]:
    """What is wrong between ledger and pages, each with the mark or row to look at.

    A mark needs a row, stands once, and stands on the page that its row names.
    `folder` is the ledger's own, below which a row's `chapter` is looked up.
    """
    first: dict[str, Mark] = {}
    for mark in marks:
        if mark.name not in claims:
            yield f"claim {mark.name} is not in the ledger", mark
        elif mark.name in first:
            other = first[mark.name]
            yield f"claim {mark.name} is marked twice; first at {other.page}:{other.line}", mark
        first.setdefault(mark.name, mark)
    for claim in claims.values():
        page = f"{folder}/{claim.chapter}" if folder else claim.chapter
        if claim.name not in first:
            yield f"claim {claim.name} has no mark; write {{claim}}`{claim.name}` on {page}", claim
        elif first[claim.name].page != page:
            found = first[claim.name].page
            yield f"claim {claim.name} should be marked on {page}, but is marked on {found}", claim
