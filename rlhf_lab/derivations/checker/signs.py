"""Proofs that a formula is positive, through sums over any number of outcomes."""

from sympy import Add, Derivative, Expr, Max, Min, Mul, Pow, Product, Sum, Symbol, exp, log

from rlhf_lab.derivations.checker.substitution import substituted
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
        return sign_of_sum(expression) or sign_of_powers(expression) or declared_sign(expression)
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


def sign_of_sum(total: Add) -> int | None:
    """Terms of one sign; beside one that is not 0 there may be sums over nothing, which are 0."""
    ways = {weak_sign(term) for term in total.args}
    return ways.pop() if len(ways) == 1 and any(map(sign, total.args)) else None


def weak_sign(term: Expr) -> int | None:
    """1 where the term is proved to be at least 0, -1 where it is proved to be at most 0."""
    if isinstance(term, Sum):
        return weak_sign(outermost(term).body)
    if isinstance(term, Mul):
        return sign_of_product(list(map(weak_sign, term.args)))
    return sign(term)


def sign_of_powers(total: Add) -> int | None:
    """u^m - v^m has the sign of u - v, for positive u, v and m."""
    powers = dict(term.as_coeff_Mul() for term in total.args)
    if len(total.args) != 2 or set(powers) != {1, -1}:
        return None
    (u, m), (v, other) = (powers[factor].as_base_exp() for factor in (1, -1))
    if m == 1 or m != other or not m.is_positive or {sign(u), sign(v)} != {1}:
        return None
    return sign(u - v)


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
    if isinstance(expression, Derivative):
        return is_real(expression.expr)
    if isinstance(expression, (Add, Mul)):
        return all(map(is_real, expression.args))
    return bool(expression.is_real) or sign(expression) is not None


def declared_sign(expression: Expr) -> int | None:
    """The sign that follows from what was declared of the letters."""
    if expression.is_positive:
        return 1
    return -1 if expression.is_negative else None


WORDS = ("nonnegative", "nonpositive", "nonzero", "integer", "even", "odd", "prime", "rational")


def unproved(letter: Expr, value: Expr) -> str:
    """What is declared of a letter and not proved of a value, its sign left out; or ""."""
    found = {1: ("nonnegative", "nonzero"), -1: ("nonpositive", "nonzero")}.get(sign(value), ())
    declared = (word for word in WORDS if getattr(letter, f"is_{word}"))
    lacking = (word for word in declared if word not in found and not getattr(value, f"is_{word}"))
    return next(lacking, "")


def fits(letter: Expr, value: Expr) -> bool:
    """Whether all that is declared of a letter is proved of a value."""
    signs = {1 if letter.is_positive else -1} if letter.is_positive or letter.is_negative else set()
    return is_real(value) and signs <= {sign(value)} and not unproved(letter, value)


def is_smooth(expression: Expr, letter: Symbol, down_to: Expr | None = None) -> bool:
    """Whether the expression is proved to be smooth in the letter, over all of its domain.

    What it divides by, takes a root or a logarithm of, where the letter stands in it, must keep
    one sign (for a root or a logarithm: be positive); also where the letter is `down_to`, if the
    formula is to be continuous there.
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
            bases = [part.args[0]]
            if down_to is not None:
                bases.append(substituted(part.args[0], {letter: down_to}))
            if any(sign(base) not in ((1, -1) if whole else (1,)) for base in bases):
                return False
    return True
