"""The words of probability that derivations are written in: σ, E, KL, arg max, arg min.

Each knows its `meaning` in sums, logs and exponentials; checks look only at that.
"""

from sympy import Add, Basic, Dummy, Expr, Function, Lambda, Mul, Sum, Symbol, diff, exp, log
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.substitution import renamed, substituted


class Sigmoid(Function):
    """σ(z) = 1 / (1 + exp(-z)); its derivative is worked out from that, not looked up."""

    nargs = 1

    def meaning(self) -> Expr:
        return 1 / (1 + exp(-self.args[0]))

    def fdiff(self, argindex: int = 1) -> Expr:
        z = Dummy("z", real=True)
        return diff(Sigmoid(z).meaning(), z).xreplace({z: self.args[0]})

    def _eval_is_positive(self) -> bool | None:
        return self.args[0].is_real

    def _latex(self, printer, exp=None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\sigma{power}\left({printer.doprint(self.args[0])}\right)"

    def _sympystr(self, printer) -> str:
        return f"σ({printer.doprint(self.args[0])})"


class OverOutcomes(Expr):
    """A sum over any number of outcomes of two formulas: written with an outcome y, kept without.

    `around` makes it from the two Lambdas that it is kept as; sympy rebuilds it by that.
    """

    is_real = True

    def __new__(cls, first: Expr, second: Expr, outcome: Symbol, count: Expr):
        return cls.around(Lambda(outcome, first), Lambda(outcome, second), count)

    @classmethod
    def around(cls, first: Lambda, second: Lambda, count: Expr) -> "OverOutcomes":
        return Expr.__new__(cls, first, second, count)

    @property
    def func(self):
        return self.around

    def written(self) -> tuple[Symbol, Expr, Expr]:
        """One letter for the outcome, that neither formula uses otherwise; both formulas in it."""
        first, second, count = self.args
        free = first.free_symbols | second.free_symbols | count.free_symbols
        y = renamed(first.variables[0], free)
        return y, at(first, y), at(second, y)


class Expectation(OverOutcomes):
    """E_{y ~ p}[f(y)] = Σ_{y=1}^{N} p(y) f(y): Expectation(f(y), p(y), y, N)."""

    def meaning(self) -> Expr:
        y, body, probability = self.written()
        return Sum(Mul(probability, body), (y, 1, self.args[2]))

    def _latex(self, printer) -> str:
        body, probability, _ = self.args
        drawn = printer.doprint(probability.variables[0])
        name = printer.any_outcome(probability.expr)
        return rf"\mathbb{{E}}_{{{drawn} \sim {name}}}\left[{printer.doprint(body.expr)}\right]"

    def _sympystr(self, printer) -> str:
        body, probability, _ = self.args
        (y,) = probability.variables
        return f"E[{y} ~ {printer.doprint(probability.expr)}]({printer.doprint(body.expr)})"


class KL(OverOutcomes):
    """KL[p ‖ q] = Σ_{y=1}^{N} p(y) log(p(y) / q(y)), in nats: KL(p(y), q(y), y, N)."""

    def meaning(self) -> Expr:
        y, p, q = self.written()
        return Sum(p * log(p / q), (y, 1, self.args[2]))

    def _latex(self, printer) -> str:
        first, second = (printer.doprint(distribution.expr) for distribution in self.args[:2])
        return rf"\text{{KL}}\left[{first} \,\middle\Vert\, {second}\right]"

    def _sympystr(self, printer) -> str:
        first, second = (printer.doprint(distribution.expr) for distribution in self.args[:2])
        return f"KL[{first} ‖ {second}]"


class Optimum(Expr):
    """What makes an objective largest or smallest: a distribution policy(y) or a parameter θ."""

    latex_name = text_name = ""

    def __new__(cls, objective: Expr, variable: Expr):
        return Expr.__new__(cls, objective, variable)

    def _latex(self, printer) -> str:
        objective, variable = self.args
        variable = printer.any_outcome(variable)
        shown = printer.doprint(objective)
        if isinstance(objective, Add):
            shown = rf"\left\{{{shown}\right\}}"
        return rf"\underset{{{variable}}}{{{self.latex_name}}}\; {shown}"

    def _sympystr(self, printer) -> str:
        objective, variable = (printer.doprint(part) for part in self.args)
        return f"{self.text_name}[{variable}] {objective}"


class ArgMax(Optimum):
    """Where an objective is largest."""

    latex_name, text_name = r"\arg\max", "argmax"


class ArgMin(Optimum):
    """Where an objective is smallest."""

    latex_name, text_name = r"\arg\min", "argmin"


def depends(expression: Basic, variable: Expr) -> bool:
    """Whether the variable, a symbol or a whole function policy(y), occurs in the expression."""
    return expression.has(variable.func if isinstance(variable, AppliedUndef) else variable)


def at(function: Lambda, outcome: Expr) -> Expr:
    """The body of a Lambda of one variable, with the outcome put in; binders inside are obeyed."""
    return substituted(function.expr, {function.variables[0]: outcome})
