"""The outermost sum of a sum in a sum: sympy keeps Σ_i Σ_j f as one sum with two limits."""

from typing import NamedTuple

from sympy import Expr, Product, Sum, Symbol


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
