"""Formulas as fractions in independent generators, where equality is decided by multiplying out."""

from math import lcm

from sympy import Add, Dummy, Expr, Integer, Mul, Pow, cancel, exp, expand, fraction, together


class Generators:
    """Stand-ins for everything that is not +, * or a whole power: letters, f(y), sums, logs, b^u.

    b^u with u = q m, q a fraction, is the q-th power of the generator for (b, m), so that
    exp(r / 2)² and exp(r) are the same.
    """

    def __init__(self) -> None:
        self.standing: dict[tuple[Expr, Expr], Dummy] = {}

    def fraction(self, expression: Expr) -> Expr:
        """The expression with generators put in."""
        if expression.is_Rational:
            return expression
        if isinstance(expression, (Add, Mul)):
            return expression.func(*(self.fraction(part) for part in expression.args))
        if isinstance(expression, exp):
            return self.power(exp(1), expression.args[0])
        if isinstance(expression, Pow) and expression.exp.is_Integer:
            return Pow(self.fraction(expression.base), expression.exp)
        if isinstance(expression, Pow):
            return self.power(expression.base, expression.exp)
        return self.generator(expression, Integer(1))

    def power(self, base: Expr, exponent: Expr) -> Expr:
        """base^exponent, one generator for each term of the exponent."""
        factors = []
        for term in Add.make_args(exponent):
            ratio, rest = term.as_coeff_Mul(rational=True)
            factors.append(Pow(self.generator(base, rest), ratio))
        return Mul(*factors)

    def generator(self, base: Expr, exponent: Expr) -> Dummy:
        """The letter that stands for base^exponent."""
        key = (base, exponent)
        if key not in self.standing:
            self.standing[key] = Dummy(f"g{len(self.standing)}", positive=True)
        return self.standing[key]

    def without_roots(self, expression: Expr) -> tuple[Expr, dict[Dummy, Expr]]:
        """The expression in roots of the generators, so that all powers are whole; their values."""
        orders = dict.fromkeys(self.standing.values(), 1)
        for power in expression.atoms(Pow):
            if power.base in orders:
                orders[power.base] = lcm(orders[power.base], power.exp.q)
        roots = {letter: letter**order for letter, order in orders.items()}
        values = {
            letter: Pow(base, exponent / orders[letter])
            for (base, exponent), letter in self.standing.items()
        }
        return expression.xreplace(roots), values


def cancelled(expression: Expr) -> Expr:
    """The expression with common factors of numerator and denominator removed."""
    generators = Generators()
    whole, values = generators.without_roots(generators.fraction(expression))
    return cancel(together(whole)).xreplace(values)


def is_zero_fraction(expression: Expr) -> bool:
    """Whether the expression vanishes as a fraction in independent generators. A proof."""
    generators = Generators()
    whole, _ = generators.without_roots(generators.fraction(expression))
    numerator, _ = fraction(together(whole))
    return expand(numerator) == 0
