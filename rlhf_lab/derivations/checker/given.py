"""What a derivation may take for granted: definitions, distributions, ranges of outcomes."""

from dataclasses import dataclass
from functools import lru_cache

from sympy import Basic, Dummy, Eq, Expr, Lambda, Sum, Symbol, expand, sympify
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.signs import fits, is_positive, is_real
from rlhf_lab.derivations.checker.substitution import Key, substituted
from rlhf_lab.derivations.checker.sums import outermost


@dataclass(frozen=True)
class Given:
    """The ground of a derivation.

    ranges: (letter, low, high): the letter is an outcome, low to high, as in a sum.
    definitions: Eq(letter or f(letter), formula): the left side is short for the right side.
    distributions: p(letter), positive, and summing to 1 over the letter's range. The policies
        here are softmaxes of finite logits, so no response has probability 0.
    statement: a sentence for the reader.
    around: the letters of the sums that stand around what is looked at, from the inside out.
    """

    ranges: tuple[tuple[Symbol, Expr | int, Expr | int], ...] = ()
    definitions: tuple[Eq, ...] = ()
    distributions: tuple[Expr, ...] = ()
    statement: str = ""
    around: tuple[tuple[Symbol, Expr, Expr], ...] = ()

    def __post_init__(self) -> None:
        keys = [defined(equation)[0] for equation in self.definitions]
        for key, meaning in self.meanings().items():
            if keys.count(key) > 1:
                raise ValueError(f"{key} is defined twice")
            self.check_definition(key, meaning)
        if len({distribution.func for distribution in self.distributions}) < len(
            self.distributions
        ):
            raise ValueError(f"one function is declared twice in {self.distributions}")
        for distribution in self.distributions:
            if not distribution.is_positive:
                raise ValueError(f"declare {distribution} positive: Function(name, positive=True)")
            ends = self.range_of(distribution.args[0])
            if ends is None or not (ends[1] - ends[0]).is_nonnegative:
                raise ValueError(f"{distribution} needs a range for {distribution.args[0]}")

    def check_definition(self, key: Key, meaning: Expr) -> None:
        """Raise ValueError where what is declared of a letter is not proved of its definition."""
        formula = meaning.expr if isinstance(meaning, Lambda) else meaning
        letter = key(*meaning.variables) if isinstance(meaning, Lambda) else key
        formula = unfolded(formula, self)
        if letter.is_positive and not is_positive(formula):
            raise ValueError(f"{letter} is declared positive, its definition {formula} is not")
        if not letter.is_real or not is_real(formula):
            raise ValueError(f"declare {letter} real=True or positive=True, and define it by reals")
        if not fits(letter, formula):
            raise ValueError(f"{letter} is declared to be more than its definition {formula} is")
        if any(distribution.func == key for distribution in self.distributions):
            raise ValueError(f"{letter} is defined, so prove that it is a distribution")

    def range_of(self, letter: Basic) -> tuple[Expr, Expr] | None:
        """The first and the last outcome of a letter, or None."""
        return next((tuple(map(sympify, ends)) for i, *ends in self.ranges if i == letter), None)

    def distribution_of(self, applied: Basic) -> Expr | None:
        """The declared distribution that an applied function is an instance of, or None."""
        return next((p for p in self.distributions if p.func == applied.func), None)

    def meanings(self) -> dict:
        """Every defined letter or function and what it stands for, as `substituted` takes it."""
        return dict(defined(equation) for equation in self.definitions)

    def within(self, letter: Symbol, low: Expr, high: Expr) -> "Given":
        """The ground inside a sum over a letter; what is looked at there is written out."""
        around = ((letter, low, high), *self.around)
        return Given(self.ranges, (), self.distributions, around=around)

    def at_least_0(self, expression: Expr) -> bool:
        """Whether a formula is proved not to be below 0, each letter of a sum in its range."""
        for letter, *ends in self.around:
            slope = expression.diff(letter)
            if slope != 0 and letter not in slope.free_symbols:
                lowest = {True: ends[0], False: ends[1]}.get(slope.is_nonnegative, letter)
                expression = expand(expression.xreplace({letter: sympify(lowest)}))
        return bool(expression.is_nonnegative)

    def opaque(self) -> "Given":
        """The same ground without definitions: defined letters are then any values at all."""
        return Given(self.ranges, (), self.distributions, self.statement)


def defined(equation: Eq) -> tuple:
    """The key and the value that one definition puts into a substitution."""
    if isinstance(equation.lhs, AppliedUndef):
        return equation.lhs.func, Lambda(equation.lhs.args, equation.rhs)
    if not isinstance(equation.lhs, Symbol):
        raise ValueError(f"a definition is of a letter or a function, got {equation.lhs}")
    return equation.lhs, equation.rhs


@lru_cache(maxsize=1024)
def unfolded(expression: Basic, given: Given) -> Basic:
    """The expression with definitions and notation written out; derivatives stay as they are."""
    meanings = given.meanings()
    for _ in range(20):
        longer = written_out(substituted(expression, meanings) if meanings else expression)
        if longer == expression:
            return expression
        expression = longer
    raise ValueError(f"the definitions go round in a circle: {', '.join(map(str, meanings))}")


@lru_cache(maxsize=1024)
def written_out(expression: Basic) -> Basic:
    """σ, E and KL replaced by their meaning, from the inside out."""
    if not expression.args:
        return expression
    arguments = [written_out(argument) for argument in expression.args]
    changed = any(new is not old for new, old in zip(arguments, expression.args, strict=True))
    rebuilt = expression.func(*arguments) if changed else expression
    return rebuilt.meaning() if hasattr(rebuilt, "meaning") else rebuilt


@lru_cache(maxsize=1024)
def slope_of(formula: Basic, along: tuple) -> Basic:
    """The derivative of a formula; the same one is asked for in every random world."""
    slope = formula.diff(*along)
    for total in slope.atoms(Sum):  # sympy's own letters, for the slope of a product
        _, letter, low, _ = outermost(total)
        if letter.is_integer is None:
            own = Dummy(letter.name, integer=True, positive=low.is_positive)
            slope = slope.xreplace({letter: own})
    return slope


NOTHING = Given()
