"""Limits of sums and products in one form, so that the same sum written in two ways is one sum.

The index starts at 1, no number is added to it inside a function, and none to the high end: what
is above or below is split off, term by term. No sum is run backwards: a term is split off only
where it is there.
"""

from sympy import Add, Dummy, Expr, Mul, Product, Sum, Symbol, nan, oo, zoo
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.substitution import substituted
from rlhf_lab.derivations.checker.sums import outermost

MOST_TERMS = 12  # of a sum between two numbers that is written out


def from_one(total: Sum | Product) -> Sum | Product:
    """The index shifted so that it starts at 1, where it starts at another number."""
    inside, letter, low, high = outermost(total)
    if not low.is_Integer or low == 1:
        return total
    index = Dummy(letter.name, integer=True, positive=True)
    body = substituted(inside, {letter: index + low - 1})
    return total.func(body, (index, 1, high - low + 1))


def plain_product(total: Product) -> Expr:
    """The product up to an end without a number, times the factors above it."""
    inside, letter, low, high = outermost(total)
    number, rest = high.as_coeff_Add()
    places = [rest + k for k in range(1, int(number) + 1)] if number.is_Integer else []
    if not places or not (rest - low + 1).is_nonnegative or len(places) > MOST_TERMS:
        return total
    factors = (substituted(inside, {letter: place}) for place in places)
    return Mul(1 if rest - low == -1 else Product(inside, (letter, low, rest)), *factors)


def plain_sum(term: Expr, letter: Symbol, low: Expr, high: Expr) -> Expr:
    """Σ of one term with index and high end without a number, and what was split off."""

    def at(place: Expr) -> Expr:
        return substituted(term, {letter: place})

    whole = Sum(term, (letter, low, high))
    shift = offset(term, letter) if low == 1 else 0
    extra = []
    if shift < 0 and (high + shift).is_nonnegative:
        extra = [at(Add(k)) for k in range(1, 1 - shift)]
        term, high = at(letter - shift), high + shift
    elif shift > 0 and high.is_nonnegative:
        term, high = at(letter - shift), high + shift
        extra = [-at(Add(k)) for k in range(1, shift + 1)]
    number, rest = high.as_coeff_Add()
    if number.is_Integer and rest == 0 and low == 1 and 0 <= number <= MOST_TERMS:
        return Add(*extra, *(at(Add(k)) for k in range(1, int(number) + 1)))
    if number.is_Integer and number > 0 and rest and (rest - low + 1).is_nonnegative:
        extra += [at(rest + k) for k in range(1, int(number) + 1)]
        high = rest
    elif number.is_Integer and number < 0 and (high - low + 1).is_nonnegative:
        extra += [-at(high + k) for k in range(1, 1 - int(number))]
        high = rest
    split = Add(Sum(term, (letter, low, high)), *extra)
    return whole if split.has(nan, zoo, oo) else split


def offset(term: Expr, letter: Symbol) -> int:
    """The smallest number added to the index inside a function, as 1 in f(t + i + 1); else 0."""
    places = (part - letter for applied in term.atoms(AppliedUndef) for part in applied.args)
    added = (place.as_coeff_Add() for place in places if not place.has(letter))
    return min((int(number) for number, _ in added if number.is_Integer), default=0)
