"""Logarithms split into those of positive factors, and joined again."""

from math import lcm

from sympy import Add, Expr, Integer, Mul, Pow, Product, Rational, Sum, exp, expand, log

from rlhf_lab.derivations.checker.generators import cancelled
from rlhf_lab.derivations.checker.signs import is_positive
from rlhf_lab.derivations.checker.sums import outermost


def log_of_factors(argument: Expr) -> Expr:
    """log of a product as a sum of logs, for the factors that are proved positive."""
    rest, logs = Integer(1), []
    for factor in Mul.make_args(cancelled(argument)):
        base, exponent = factor.as_base_exp()
        if isinstance(factor, Product) and is_positive(outermost(factor).body):
            inside, *limits = outermost(factor)
            logs.append(Sum(log_of_factors(inside), tuple(limits)))
        elif isinstance(factor, exp) and factor.args[0].is_real:
            logs.append(factor.args[0])
        elif is_positive(base) and exponent.is_real:
            logs.append(exponent * log(base))
        else:
            rest *= factor
    return expand(Add(log(rest), *logs))


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
