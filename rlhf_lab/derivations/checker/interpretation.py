"""Random worlds: a number for every letter, a table for every function; a formula's value there.

It knows sums, logs and powers and no algebra. So it checks a step by another road than `canonical`,
and where a step is wrong it finds a world that shows it.
"""

import random
from collections.abc import Sequence
from typing import no_type_check

from sympy import Basic, Derivative, Expr, Product, Sum, Symbol
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC, Number, combined, drawn, rounded
from rlhf_lab.derivations.checker.given import Given, slope_of, unfolded, written_out
from rlhf_lab.derivations.checker.sums import check_index, outermost


class UndefinedError(ArithmeticError):
    """The formula has no real value in this world, as log(-1) or 1/0."""


@no_type_check  # called a million times in the tests, where each check costs more than the call
class Interpretation:
    """One random world. `known` holds every letter and table entry that was looked at."""

    def __init__(self, given: Given, seed: int) -> None:
        self.given, self.random = given, random.Random(seed)
        self.meanings = given.meanings()
        self.largest = 2 + seed % 4  # the first worlds are small, so a counter-example is short
        self.known: dict[tuple, Number] = {}

    def value(self, expression: Basic) -> Number:
        """The real value of an expression. Raises UndefinedError where it has none."""
        try:
            value = self.evaluated(written_out(expression), {})
        except (ZeroDivisionError, ValueError) as problem:
            raise UndefinedError(str(problem)) from None
        if not ARITHMETIC.isfinite(value) or abs(ARITHMETIC.im(value)) > 1e-30 * (1 + abs(value)):
            raise UndefinedError(f"value {ARITHMETIC.nstr(value, 8)}")
        return ARITHMETIC.re(value)

    def evaluated(self, expression: Basic, bound: dict) -> Number:
        """The value, where `bound` holds the outcomes of the sums around the expression."""
        if isinstance(expression, Symbol):
            return bound[expression] if expression in bound else self.letter(expression)
        if isinstance(expression, (Sum, Product)):
            return self.total(expression, bound)
        if isinstance(expression, Derivative):
            return self.slope(expression, bound)
        values = [self.evaluated(argument, bound) for argument in expression.args]
        if isinstance(expression, AppliedUndef):
            return self.entry(expression, values)
        return combined(expression, values)

    def letter(self, symbol: Symbol) -> Number:
        """The value of a free letter, drawn from its range or its domain when it is first met."""
        if (symbol,) not in self.known:
            ends = self.given.range_of(symbol)
            if symbol in self.meanings:
                self.known[symbol,] = self.evaluated(written_out(self.meanings[symbol]), {})
            elif ends is None:
                self.known[symbol,] = drawn(symbol, self.random, self.largest)
            else:
                self.known[symbol,] = ARITHMETIC.mpf(self.random.choice(self.outcomes(ends, {})))
        return self.known[symbol,]

    def entry(self, applied: Expr, values: list) -> Number:
        """The value of a function at its arguments; a distribution's values sum to 1."""
        key = (applied.func, *map(rounded, values))
        if key in self.known:
            return self.known[key]
        distribution = self.given.distribution_of(applied)
        if applied.func in self.meanings:
            meaning = self.meanings[applied.func]
            bound = dict(zip(meaning.variables, values, strict=True))
            self.known[key] = self.evaluated(written_out(meaning.expr), bound)
        elif distribution is None:
            self.known[key] = drawn(applied, self.random)
        else:
            row = {k: drawn(applied, self.random) for k in self.row(distribution, key)}
            self.known.update({k: value / sum(row.values()) for k, value in row.items()})
        return self.known[key]

    def slope(self, derivative: Derivative, bound: dict) -> Number:
        """The value of ∂f/∂θ, a table of its own; a distribution's slopes sum to 0.

        Of a formula: the derivative worked out, where the formula itself has a real value.
        """
        applied, real = unfolded(derivative.expr, self.given), Symbol("slope", real=True)
        if not isinstance(applied, AppliedUndef):
            if self.evaluated(applied, bound).imag != 0:
                raise ValueError(f"{applied} is not real")
            return self.evaluated(slope_of(applied, derivative.variables), bound)
        values = [self.evaluated(argument, bound) for argument in applied.args]
        key = (applied.func, *map(rounded, values), *derivative.variables)
        distribution = self.given.distribution_of(applied)
        if key not in self.known and distribution is None:
            self.known[key] = drawn(real, self.random)
        elif key not in self.known:
            row = {k: drawn(real, self.random) for k in self.row(distribution, key)}
            mean = sum(row.values()) / len(row)
            self.known.update({k: value - mean for k, value in row.items()})
        return self.known[key]

    def row(self, distribution: Expr, key: tuple) -> list[tuple]:
        """The keys of all outcomes of a distribution, of which `key` is one."""
        outcomes = self.outcomes(self.given.range_of(distribution.args[0]), {})
        if key[1] not in outcomes:
            raise ValueError(f"{key[0]}({ARITHMETIC.nstr(key[1])}) is not among {outcomes}")
        return [(key[0], ARITHMETIC.mpf(outcome), *key[2:]) for outcome in outcomes]

    def outcomes(self, ends: Sequence, bound: dict) -> range:
        """The whole numbers between two ends."""
        low, high = (int(self.evaluated(end, bound)) for end in ends)
        return range(low, high + 1)

    def total(self, expression: Sum | Product, bound: dict) -> Number:
        """A sum or product, term by term."""
        inside, letter, *ends = outermost(expression)
        check_index(letter, ends[0])
        terms = [
            self.evaluated(inside, {**bound, letter: ARITHMETIC.mpf(outcome)})
            for outcome in self.outcomes(ends, bound)
        ]
        return ARITHMETIC.fsum(terms) if isinstance(expression, Sum) else ARITHMETIC.fprod(terms)

    def __str__(self) -> str:
        """The world in words: N = 3, beta = 0.52, policy(1) = 0.2."""
        return ", ".join(f"{spelled(key)} = {short(value)}" for key, value in self.known.items())


def spelled(key: tuple) -> str:
    """The name of a letter, a table entry f(2) or a slope ∂f(2)/∂θ."""
    if isinstance(key[0], Symbol):
        return key[0].name
    along = [part for part in key[1:] if isinstance(part, Symbol)]
    values = [short(part) for part in key[1:] if part not in along]
    name = f"{key[0]}({', '.join(values)})"
    return f"∂{name}/{''.join(f'∂{letter}' for letter in along)}" if along else name


def short(value: Number) -> str:
    """Four digits of a number, or a whole number as it is."""
    return ARITHMETIC.nstr(value, 4).removesuffix(".0")
