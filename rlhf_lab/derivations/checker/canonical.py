"""A canonical form for formulas with sums over any number of outcomes, and proofs of equality.

The rules are few: split logs of positive factors and exponentials of sums; take what does not
depend on the outcome out of a sum; Σ p(y) = 1 for a distribution p. What is left is a fraction in
independent generators (see `generators`).
"""

from sympy import (
    Add,
    Basic,
    Derivative,
    Expr,
    Integer,
    Max,
    Min,
    Mul,
    Pow,
    Product,
    Sum,
    expand,
    log,
    summation,
)

from rlhf_lab.derivations.checker.extremes import extreme
from rlhf_lab.derivations.checker.generators import cancelled, is_zero_fraction
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.limits import from_one, plain_product, plain_sum
from rlhf_lab.derivations.checker.logs import log_of_factors, with_logs_joined
from rlhf_lab.derivations.checker.roots import power_of_factors
from rlhf_lab.derivations.checker.substitution import substituted
from rlhf_lab.derivations.checker.sums import outermost, own_letter


def is_zero(expression: Expr, given: Given) -> bool:
    """Whether an unfolded expression is proved to be 0. False means not proved."""
    reduced = canonical(expression, given)
    if is_zero_fraction(reduced):
        return True
    reduced = canonical(with_logs_joined(with_sums_joined(reduced, given)), given)
    return is_zero_fraction(reduced)


def canonical(expression: Expr, given: Given) -> Expr:
    """An unfolded expression in canonical form, worked out from the inside."""
    if not expression.args:
        return expression
    if isinstance(expression, (Sum, Product)):
        return total(expression, given)
    if isinstance(expression, Derivative):
        worked_out = canonical(expression.expr, given).diff(*expression.variables)
        return worked_out if isinstance(worked_out, Derivative) else canonical(worked_out, given)
    if not all(isinstance(part, Expr) for part in expression.args):
        return expression
    parts = [canonical(part, given) for part in expression.args]
    if isinstance(expression, log):
        return log_of_factors(parts[0])
    if isinstance(expression, (Min, Max)):
        return extreme(expression.func, parts)
    if isinstance(expression, Pow) and parts[1].is_Rational and not parts[1].is_Integer:
        return power_of_factors(*parts)
    return expand(expression.func(*parts))


def total(expression: Sum | Product, given: Given) -> Expr:
    """A sum or product in canonical form: from 1 on, its own letter, the inside worked out."""
    inside, old, low, high = outermost(from_one(expression))
    letter = own_letter(depth(expression), low, inside.free_symbols - {old})
    limits = (letter, canonical(low, given), canonical(high, given))
    body = canonical(substituted(inside, {old: letter}), given.within(*limits))
    if isinstance(expression, Sum):
        return sum_of_terms(body, limits, given)
    product = Product(cancelled(body), limits)
    plain = plain_product(product)
    return product if plain == product else canonical(plain, given)


def depth(expression: Basic) -> int:
    """How many sums or products are nested in the expression; names their letters i1, i2, ..."""
    inside = max((depth(part) for part in expression.args), default=0)
    return inside + (len(expression.limits) if isinstance(expression, (Sum, Product)) else 0)


def sum_of_terms(body: Expr, limits: tuple, given: Given) -> Expr:
    """Σ of a sum = sum of Σs, with constant factors in front of each."""
    terms = Add.make_args(expand(cancelled(body)))
    return expand(Add(*(sum_of_term(term, limits, given) for term in terms)))


def sum_of_term(term: Expr, limits: tuple, given: Given) -> Expr:
    """Σ c f(i) = c Σ f(i); Σ of powers of i is worked out; Σ p(i) = 1; Σ ∂p(i)/∂θ = 0."""
    letter, low, high = limits
    if high - low in (-1, 0):  # over nothing, or over one
        return canonical(substituted(term, {letter: low}), given) if high == low else Integer(0)
    factors = Mul.make_args(term)
    outside = Mul(*(factor for factor in factors if letter not in factor.free_symbols))
    inside = Mul(*(factor for factor in factors if letter in factor.free_symbols))
    filled = given.at_least_0(high - low + 1)  # if not proved, there may be less than nothing
    filled = filled and (high - low).is_integer
    if filled and inside.free_symbols <= {letter} and inside.is_polynomial(letter):
        return outside * expand(summation(inside, limits))
    whole = inside.expr if isinstance(inside, Derivative) else inside
    distribution = given.distribution_of(whole)
    if (
        distribution is not None
        and whole.args[0] == letter
        and all(letter not in condition.free_symbols for condition in whole.args[1:])
        and (tuple(given.range_of(distribution.args[0])) == (low, high))
    ):
        return outside if whole is inside else Integer(0)
    own = own_letter(depth(inside) + 1, low, inside.free_symbols - {letter})
    inside = substituted(inside, {letter: own})
    whole = Sum(inside, (own, low, high))
    plain = plain_sum(inside, own, low, high)
    return outside * (whole if plain == whole else canonical(plain, given))


def with_sums_joined(expression: Expr, given: Given) -> Expr:
    """c Σ f + d Σ g over the same outcomes as one Σ (c f + d g); 0 where the inside is 0."""
    bodies, others = {}, []
    place, used = depth(expression) + 1, expression.free_symbols
    for term in Add.make_args(expand(expression)):
        sums = [factor for factor in Mul.make_args(term) if isinstance(factor, Sum)]
        if not sums:
            others.append(term)
            continue
        inside, letter, *ends = outermost(sums[0])
        common = own_letter(place, ends[0], used)
        body = term / sums[0] * substituted(inside, {letter: common})
        bodies.setdefault(tuple(ends), []).append(body)
    for ends, parts in bodies.items():
        limits = (own_letter(place, ends[0], used), *ends)
        inside = given.within(*limits)
        body = canonical(Add(*parts), inside)
        others.append(Integer(0) if is_zero(body, inside) else sum_of_terms(body, limits, given))
    return Add(*others)
