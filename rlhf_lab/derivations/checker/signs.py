"""Proofs that a formula is positive, through sums over any number of outcomes."""

from sympy import Add, Expr, Max, Min, Mul, Pow, Product, Sum, Symbol, exp, log

from rlhf_lab.derivations.checker.sums import outermost


def is_positive(expression: Expr) -> bool:
    """Whether the expression is proved to be above 0. False means not proved.

    A sum of positive terms is positive where it is not empty.
    """
    return sign(expression) == 1


def is_negative(expression: Expr) -> bool:
    """Whether the expression is proved to be below 0. False means not proved."""
    return sign(expression) == -1


def sign(expression: Expr) -> int | None:
    """1 or -1 where the sign is proved, None where it is not; 0 is never claimed."""
    if isinstance(expression, Add):
        signs = {sign(term) for term in expression.args}
        return signs.pop() if len(signs) == 1 else declared_sign(expression)
    if isinstance(expression, Mul):
        return sign_of_product([sign(factor) for factor in expression.args])
    if isinstance(expression, exp):
        return 1 if is_real(expression.args[0]) else None
    if isinstance(expression, Pow):
        return sign_of_power(expression)
    if isinstance(expression, (Sum, Product)):
        body, _, low, high = outermost(expression)
        inside = sign(body)
        if isinstance(expression, Product):
            return 1 if inside == 1 else None
        return inside if (high - low).is_nonnegative else None
    return declared_sign(expression)


def sign_of_product(signs: list[int | None]) -> int | None:
    """The sign of a product of factors with these signs."""
    if None in signs:
        return None
    return -1 if signs.count(-1) % 2 else 1


def sign_of_power(power: Pow) -> int | None:
    """b^e is positive where b is; an even power of what is not zero is positive."""
    inside = sign(power.base)
    if inside == 1 and is_real(power.exp):
        return 1
    if inside == -1 and power.exp.is_integer:
        return 1 if power.exp.is_even else (-1 if power.exp.is_odd else None)
    return declared_sign(power)


def is_real(expression: Expr) -> bool:
    """Whether the expression is proved to be a real number."""
    if isinstance(expression, (Sum, Product)):
        return is_real(outermost(expression).body)
    if isinstance(expression, (Add, Mul)):
        return all(map(is_real, expression.args))
    return bool(expression.is_real) or sign(expression) is not None


def declared_sign(expression: Expr) -> int | None:
    """The sign that follows from what was declared of the letters."""
    if expression.is_positive:
        return 1
    return -1 if expression.is_negative else None


def is_smooth(expression: Expr, letter: Symbol) -> bool:
    """Whether the expression is proved to be smooth in the letter, over all of its domain.

    What it divides by, takes a root or a logarithm of, where the letter stands in it, must keep
    one sign (for a root or a logarithm: be positive).
    """
    if letter not in expression.free_symbols:
        return True
    if expression.has(Min, Max):
        return False
    for part in expression.atoms(Pow, log):
        if letter in part.args[0].free_symbols:
            whole = isinstance(part, Pow) and part.exp.is_integer
            if whole and part.exp.is_nonnegative:
                continue
            if sign(part.args[0]) not in ((1, -1) if whole else (1,)):
                return False
    return True
