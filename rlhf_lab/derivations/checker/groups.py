"""The words of a group of numbers that derivations are written in: mean and std.

As in `probability`, each knows its `meaning` in sums and roots; checks look only at that.
"""

from sympy import Expr, Lambda, Sum, Symbol, sqrt, sympify

from rlhf_lab.derivations.checker.probability import at
from rlhf_lab.derivations.checker.substitution import renamed


class Mean(Expr):
    """mean_j f(j) = 1/G Σ_{j=1}^{G} f(j), over a group of any size G."""

    is_real = True
    word = "mean"

    def __new__(cls, body: Expr, index: Symbol, count: Expr | int):
        return cls.around(Lambda(index, body), count)

    @classmethod
    def around(cls, body: Lambda, *numbers: Expr | int) -> "Mean":
        return Expr.__new__(cls, body, *map(sympify, numbers))

    @property
    def func(self):
        return self.around

    def meaning(self) -> Expr:
        body, count = self.args
        j = renamed(body.variables[0], body.free_symbols | count.free_symbols)
        return Sum(at(body, j), (j, 1, count)) / count

    def _latex(self, printer) -> str:
        letter, body = self.shown(printer)
        return rf"\text{{{self.word}}}_{{{letter}}}\left[{body}\right]"

    def _sympystr(self, printer) -> str:
        letter, body = self.shown(printer)
        return f"{self.word}[{letter}]({body})"

    def shown(self, printer) -> tuple[str, str]:
        """The letter and the formula, as a printer writes them."""
        body = self.args[0]
        return printer.doprint(body.variables[0]), printer.doprint(body.expr)


class Std(Mean):
    """std_j f(j) = √(1/n Σ_j (f(j) - mean f)²); n is G - 1 for the unbiased one, or G."""

    word = "std"

    def __new__(cls, body: Expr, index: Symbol, count: Expr | int, divisor: Expr | int):
        return cls.around(Lambda(index, body), count, divisor)

    def meaning(self) -> Expr:
        body, count, divisor = self.args
        j = renamed(body.variables[0], self.free_symbols)
        mean = Mean.around(body, count).meaning()
        return sqrt(Sum((at(body, j) - mean) ** 2, (j, 1, count)) / divisor)
