"""The outermost sum of a sum in a sum: sympy keeps Σ_i Σ_j f as one sum with two limits.

And letters for the index of a sum, of which no more is known than what the first value says.
"""

from functools import cache, lru_cache
from typing import NamedTuple

from sympy import Dummy, Expr, Product, Sum, Symbol

from rlhf_lab.derivations.checker.arithmetic import NotEvaluableError


class Outermost(NamedTuple):
    """Σ_{letter=low}^{high} body, or the same product."""

    body: Expr
    letter: Symbol
    low: Expr
    high: Expr


def outermost(total: Sum | Product) -> Outermost:
    """Body and limits of the outermost sum or product. Raises ValueError where a limit is open."""
    *inner, last = total.limits
    if len(last) != 3:
        raise ValueError(f"every sum needs both limits, got {total}")
    return Outermost(total.func(total.function, *inner) if inner else total.function, *last)


def own_letter(place: int, low: Expr, used: set[Symbol]) -> Dummy:
    """The index letter number `place` for sums from `low` on, or a later one that is not used."""
    while (letter := index_letter(place, low.is_positive, low.is_nonnegative)) in used:
        place += 1
    return letter


@cache
def index_letter(place: int, positive: bool | None, nonnegative: bool | None) -> Dummy:
    """The same letter for the same question; nobody else can write it."""
    signs = {"positive": True} if positive else {"nonnegative": True} if nonnegative else {}
    return Dummy(f"i{place}", integer=True, **signs)


@lru_cache(maxsize=1024)
def check_index(letter: Symbol, low: Expr) -> None:
    """Raise NotEvaluableError where a letter is declared to be what from `low` on it need not."""
    known = index_letter(1, low.is_positive, low.is_nonnegative).assumptions0
    if any(known.get(word) != value for word, value in letter.assumptions0.items()):
        raise NotEvaluableError(f"{letter} starts at {low}, so declare no more than that of it")
