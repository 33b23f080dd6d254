"""A canonical form for formulas with sums over any number of outcomes, and proofs of equality.

The rules are few: split logs of positive factors and exponentials of sums; take what does not
depend on the outcome out of a sum; Σ p(y) = 1 for a distribution p. What is left is a fraction in
independent generators (see `generators`).
"""

from math import lcm

from sympy import (
    Add,
    Basic,
    Derivative,
    Expr,
    Integer,
    Mul,
    Pow,
    Product,
    Rational,
    Sum,
    Symbol,
    exp,
    expand,
    log,
)

from rlhf_lab.derivations.checker.generators import cancelled, is_zero_fraction
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.signs import is_positive
from rlhf_lab.derivations.checker.substitution import substituted


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
        ((old, low, high),) = expression.limits
        letter = Symbol(f"i{depth(expression)}", integer=True, positive=True)
        body = canonical(substituted(expression.function, {old: letter}), given)
        limits = (letter, canonical(low, given), canonical(high, given))
        if isinstance(expression, Product):
            return Product(cancelled(body), limits)
        return sum_of_terms(body, limits, given)
    if isinstance(expression, Derivative):
        worked_out = expression.expr.diff(*expression.variables)
        return expression if worked_out == expression else canonical(worked_out, given)
    if not all(isinstance(part, Expr) for part in expression.args):
        return expression
    parts = [canonical(part, given) for part in expression.args]
    if isinstance(expression, log):
        return log_of_factors(parts[0])
    return expand(expression.func(*parts))


def depth(expression: Basic) -> int:
    """How many sums or products are nested in the expression; names their letters i1, i2, ..."""
    inside = max((depth(part) for part in expression.args), default=0)
    return inside + isinstance(expression, (Sum, Product))


def sum_of_terms(body: Expr, limits: tuple, given: Given) -> Expr:
    """Σ of a sum = sum of Σs, with constant factors in front of each."""
    terms = Add.make_args(expand(cancelled(body)))
    return expand(Add(*(sum_of_term(term, limits, given) for term in terms)))


def sum_of_term(term: Expr, limits: tuple, given: Given) -> Expr:
    """Σ c f(i) = c Σ f(i); Σ c = c times the count; Σ p(i) = 1; Σ ∂p(i)/∂θ = 0."""
    letter, low, high = limits
    factors = Mul.make_args(term)
    outside = Mul(*(factor for factor in factors if letter not in factor.free_symbols))
    inside = Mul(*(factor for factor in factors if letter in factor.free_symbols))
    if inside == 1:
        return outside * (high - low + 1)
    whole = inside.expr if isinstance(inside, Derivative) else inside
    distribution = given.distribution_of(whole)
    if (
        distribution is not None
        and whole.args[0] == letter
        and (tuple(given.range_of(distribution.args[0])) == (low, high))
    ):
        return outside if whole is inside else Integer(0)
    own = Symbol(f"i{depth(inside) + 1}", integer=True, positive=True)
    return outside * Sum(substituted(inside, {letter: own}), (own, low, high))


def log_of_factors(argument: Expr) -> Expr:
    """log of a product as a sum of logs, for the factors that are proved positive."""
    rest, logs = Integer(1), []
    for factor in Mul.make_args(cancelled(argument)):
        base, exponent = factor.as_base_exp()
        if isinstance(factor, Product) and is_positive(factor.function):
            logs.append(Sum(log_of_factors(factor.function), *factor.limits))
        elif isinstance(factor, exp) and factor.args[0].is_real:
            logs.append(factor.args[0])
        elif is_positive(base) and exponent.is_real:
            logs.append(exponent * log(base))
        else:
            rest *= factor
    return expand(Add(log(rest), *logs))


def with_sums_joined(expression: Expr, given: Given) -> Expr:
    """c Σ f + d Σ g over the same outcomes as one Σ (c f + d g); 0 where the inside is 0."""
    bodies, others = {}, []
    common = Symbol("j", integer=True, positive=True)
    for term in Add.make_args(expand(expression)):
        sums = [factor for factor in Mul.make_args(term) if isinstance(factor, Sum)]
        if not sums:
            others.append(term)
            continue
        ((letter, *ends),) = sums[0].limits
        body = term / sums[0] * substituted(sums[0].function, {letter: common})
        bodies.setdefault(tuple(ends), []).append(body)
    for ends, parts in bodies.items():
        body = canonical(Add(*parts), given)
        limits = (common, *ends)
        others.append(Integer(0) if is_zero(body, given) else sum_of_terms(body, limits, given))
    return Add(*others)


def with_logs_joined(expression: Expr) -> Expr:
    """a m log A + b m log B as m log(A^a B^b), for fractions a, b and any common factor m."""
    arguments, others = {}, []
    for term in Add.make_args(expand(expression)):
        ratio, rest = term.as_coeff_Mul(rational=True)
        logs = [factor for factor in Mul.make_args(rest) if isinstance(factor, log)]
        if logs and is_positive(logs[0].args[0]):
            arguments.setdefault(rest / logs[0], []).append((ratio, logs[0].args[0]))
        else:
            others.append(term)
    return Add(*others, *(factor * joined(powers) for factor, powers in arguments.items()))


def joined(powers: list[tuple[Rational, Expr]]) -> Expr:
    """Σ q log A for fractions q, as one log."""
    order = lcm(*(int(ratio.q) for ratio, _ in powers))
    product = Mul(*(Pow(argument, ratio * order) for ratio, argument in powers))
    return log(cancelled(product)) / order
