"""Forty-digit numbers for the checks: random draws from a domain, and one operation at a time."""

import random
from functools import lru_cache
from typing import no_type_check

import mpmath
from mpmath import ctx_mp_python
from sympy import Add, Basic, E, Expr, Float, Max, Min, Mul, Pow, exp, log

ARITHMETIC = mpmath.mp.clone()
ARITHMETIC.dps = 40
Number = ctx_mp_python.mpnumeric


class NotEvaluableError(Exception):
    """Nothing here can say what the formula's value is: no domain, or an unknown function."""


def drawn(unknown: Expr, generator: random.Random, largest: int = 5) -> Number:
    """A random number from the domain of a letter or of a function's values.

    Whole positive numbers are 1 to `largest`; others are of size e^-1.5 to e^1.5. Raises
    NotEvaluableError where no domain is declared.
    """
    if unknown.is_integer and unknown.is_positive:
        return ARITHMETIC.mpf(generator.randint(1, largest))
    if unknown.is_integer or not unknown.is_real:
        raise NotEvaluableError(
            f"no domain to draw {unknown} from: declare it real=True or positive=True"
        )
    size = ARITHMETIC.exp(ARITHMETIC.mpf(generator.uniform(-1.5, 1.5)))
    if unknown.is_nonnegative or unknown.is_nonpositive:
        return size if unknown.is_nonnegative else -size
    return size * generator.choice([-1, 1])


@lru_cache(maxsize=1024)
def number(expression: Expr) -> Number:
    """A sympy number, to the precision used here. Raises ValueError for ∞ and the like."""
    if expression.is_Rational:
        return ARITHMETIC.mpf(int(expression.p)) / int(expression.q)
    value = expression.evalf(ARITHMETIC.dps + 5)
    if not isinstance(value, Float):
        raise ValueError(f"{expression} is not a real number")
    return ARITHMETIC.make_mpf(value._mpf_)


@no_type_check
def rounded(value: Number) -> Number:
    """To thirty digits, so that log(p/q) and log p - log q look up one entry of a table."""
    if value == int(value):
        return value
    with ARITHMETIC.workdps(30):
        return +value


@no_type_check  # as in `interpretation`
def combined(expression: Basic, values: list) -> Number:
    """A node of a formula applied to the values of its arguments; ValueError off the reals."""
    if expression.is_Number or expression.is_NumberSymbol:
        return number(expression)
    if isinstance(expression, Add):
        return ARITHMETIC.fsum(values)
    if isinstance(expression, Mul):
        return ARITHMETIC.fprod(values)
    if isinstance(expression, Pow):
        return ARITHMETIC.exp(values[1]) if expression.base is E else power(*values)
    if isinstance(expression, exp):
        return ARITHMETIC.exp(values[0])
    if isinstance(expression, (Min, Max)):
        return min(values) if isinstance(expression, Min) else max(values)
    if isinstance(expression, log) and len(values) == 1:
        return logarithm(values[0])
    raise NotEvaluableError(f"cannot evaluate {expression.func.__name__} in {expression}")


@no_type_check
def power(base: Number, exponent: Number) -> Number:
    """base^exponent. Raises ValueError where it is not real, even if the rest would make it so."""
    if base < 0 and exponent != int(exponent):
        raise ValueError(f"{ARITHMETIC.nstr(base, 8)} to a power that is not whole is not real")
    return ARITHMETIC.power(base, exponent)


@no_type_check
def logarithm(value: Number) -> Number:
    """log value. Raises ValueError unless the value is above 0."""
    if value <= 0:
        raise ValueError(f"the logarithm of {ARITHMETIC.nstr(value, 8)} is not real")
    return ARITHMETIC.log(value)
