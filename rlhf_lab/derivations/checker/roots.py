"""Roots taken of the positive factors of a product."""

from sympy import Expr, Integer, Mul, Pow, Rational, factor_terms

from rlhf_lab.derivations.checker.generators import cancelled
from rlhf_lab.derivations.checker.signs import is_positive


def power_of_factors(base: Expr, exponent: Rational) -> Expr:
    """(a x)^q = a^q x^q for the factors a that are proved positive; √(c² v) is c √v."""
    rest, outside = Integer(1), []
    for factor in Mul.make_args(factor_terms(cancelled(base))):
        inside, power = factor.as_base_exp()
        if is_positive(inside) and power.is_real:
            outside.append(Pow(inside, power * exponent))
        else:
            rest *= factor
    return Mul(*outside, Pow(rest, exponent))
