"""Substitution that never mixes up bound and free letters, which sympy's own `subs` can.

In Σ_y p(y) the y is bound: putting y = y_w outside must leave it alone, and putting a formula
that contains a free y inside must rename the bound one first.
"""

from collections.abc import Mapping

from sympy import Basic, Lambda, Product, Sum, Symbol, Tuple
from sympy.core.function import AppliedUndef, UndefinedFunction

from rlhf_lab.derivations.checker.sums import outermost

Key = Basic | UndefinedFunction
Meaning = Mapping[Key, Basic]


def substituted(expression: Basic, meaning: Meaning) -> Basic:
    """The expression with every free occurrence of a key replaced by its value.

    A key is a symbol, an expression such as r(y), or a whole function, whose value is a Lambda.
    """
    if expression in meaning:
        return meaning[expression]
    if isinstance(expression, (Lambda, Sum, Product)):
        return substituted_binder(expression, meaning)
    if not expression.args:
        return expression
    arguments = [substituted(argument, meaning) for argument in expression.args]
    if isinstance(expression, AppliedUndef) and expression.func in meaning:
        function = meaning[expression.func]
        return substituted(function.expr, dict(zip(function.variables, arguments, strict=True)))
    if all(new is old for new, old in zip(arguments, expression.args, strict=True)):
        return expression
    return expression.func(*arguments)


def substituted_binder(expression: Basic, meaning: Meaning) -> Basic:
    """`substituted` for a Lambda, Sum or Product: its own letters are left alone."""
    bound, limits, body = parts(expression)
    limits = [tuple(substituted(end, meaning) for end in ends) for ends in limits]
    inner = {
        key: value for key, value in meaning.items() if not mentions(key, bound) and body.has(key)
    }
    used = set().union(*(free_symbols(value) for value in inner.values()))
    fresh = {letter: renamed(letter, used | free_symbols(body)) for letter in used & set(bound)}
    body = substituted(substituted(body, fresh) if fresh else body, inner)
    bound = [fresh.get(letter, letter) for letter in bound]
    if isinstance(expression, Lambda):
        return Lambda(Tuple(*bound), body)
    return expression.func(body, *((i, *ends) for i, ends in zip(bound, limits, strict=True)))


def parts(expression: Basic) -> tuple[list[Symbol], list[tuple], Basic]:
    """The bound letters of a Lambda, Sum or Product, their limits (none for a Lambda), the body."""
    if isinstance(expression, Lambda):
        return list(expression.variables), [], expression.expr
    body, letter, low, high = outermost(expression)
    return [letter], [(low, high)], body


def mentions(key: Key, letters: list[Symbol]) -> bool:
    """Whether a key of a substitution is about a letter that is bound here."""
    return isinstance(key, Basic) and bool(key.free_symbols & set(letters))


def free_symbols(value: Basic) -> set[Symbol]:
    """The free letters of an expression."""
    return set(value.free_symbols)


def renamed(letter: Symbol, used: set[Symbol]) -> Symbol:
    """The letter with as many primes as it takes to be unused; its domain is kept."""
    while letter in used:
        letter = Symbol(letter.name + "'", **letter.assumptions0)
    return letter
