"""Derivations on paper and in a terminal, printed from the checked expressions."""

from sympy import Add, Basic, Derivative, Eq, Expr, Product, Sum
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from rlhf_lab.derivations.checker.spelling import FUNCTIONS, SYMBOLS
from rlhf_lab.derivations.checker.sums import outermost

SIGNS = {"≥": r"\geq", "≤": r"\leq", "⟺": r"\iff"}


class AsWritten:
    """Terms in the order of the page where that was fixed, elsewhere what is added comes first.

    It was fixed where the arguments do not stand as sympy would put them.
    """

    def _as_ordered_terms(self, expression: Add, order: str | None = None) -> list[Expr]:
        if fixed(expression):
            return list(expression.args)
        ordered = super()._as_ordered_terms(expression, order)
        return sorted(ordered, key=lambda term: term.could_extract_minus_sign())

    def _print_Mul(self, expression: Expr) -> str:  # noqa: N802
        self._settings["order"] = "none" if fixed(expression) else None
        printed = super()._print_Mul(expression)
        self._settings["order"] = None
        return printed


def fixed(expression: Expr) -> bool:
    """Whether the order of the arguments is not the one in which sympy keeps them."""
    return expression.func(*expression.args).args != expression.args


class Latex(AsWritten, LatexPrinter):
    """sympy's printer with the book's letters and exp instead of e."""

    def _print_Symbol(self, expression: Basic, style: str = "plain") -> str:  # noqa: N802
        return SYMBOLS.get(expression.name) or super()._print_Symbol(expression, style)

    def _print_AppliedUndef(self, expression: Expr, exp: str | None = None) -> str:  # noqa: N802
        shown = [self._print(argument) for argument in expression.args]
        power = "" if exp is None else f"^{{{exp}}}"
        return self.call(expression, shown, power)

    def any_outcome(self, variable: Expr) -> str:
        """A policy as a whole, π(· | x), or a letter as it is."""
        if not isinstance(variable, AppliedUndef):
            return self._print(variable)
        return self.call(variable, [r"\cdot", *map(self._print, variable.args[1:])], "")

    def call(self, applied: Expr, shown: list[str], power: str) -> str:
        """f(a, b) as the book writes it, or in its plain form."""
        name = applied.func.__name__
        template = FUNCTIONS.get((name, len(shown)))
        if template is not None:
            return template.format(*shown, power=power)
        letter = name if len(name) == 1 else rf"\text{{{plain(name)}}}"
        return rf"{letter}{power}\left({', '.join(shown)}\right)"

    def _print_Derivative(self, expression: Derivative) -> str:  # noqa: N802
        along = ""
        for letter, count in expression.variable_count:
            power = "" if count == 1 else f"^{{{count}}}"
            along += rf"\frac{{\partial{power}}}{{\partial {self._print(letter)}{power}}} "
        shown = self._print(expression.expr)
        return along + (rf"\left[{shown}\right]" if isinstance(expression.expr, Add) else shown)

    def _print_ExpBase(self, expression: Expr, exp: str | None = None) -> str:  # noqa: N802
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\exp{power}\left({self._print(expression.args[0])}\right)"


class Text(AsWritten, StrPrinter):
    """sympy's printer on one line."""

    def _print_Relational(self, expression: Relational) -> str:  # noqa: N802
        return f"{self._print(expression.lhs)} = {self._print(expression.rhs)}"

    def _print_Derivative(self, expression: Derivative) -> str:  # noqa: N802
        along = ""
        for letter, count in expression.variable_count:
            power = "" if count == 1 else f"^{count}"
            along += f"∂{power}/∂{letter}{power} "
        return f"({along}{self._print(expression.expr)})"

    def _print_Sum(self, expression: Sum) -> str:  # noqa: N802
        return f"Σ{self.inside(expression)}"

    def _print_Product(self, expression: Product) -> str:  # noqa: N802
        return f"Π{self.inside(expression)}"

    def inside(self, expression: Sum | Product) -> str:
        """The letter of a sum with its first and last outcome, and what is summed: (y=1..N)[f]."""
        body, letter, low, high = outermost(expression)
        return f"({letter}={self._print(low)}..{self._print(high)})[{self._print(body)}]"


def latex_block(derivation) -> str:
    """One aligned block: the reason above each line, and how the line was checked."""
    rows = []
    for line in derivation.lines:
        if line.reason:
            rows.append(rf"&\quad{{\small\text{{{plain(line.reason)} ({checked(line)})}}}}")
        rows.append(rf"{sign(line)} {{}}& {Latex().doprint(line.expression)}")
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def text_block(derivation) -> str:
    """One line of plain text for each line, the reason and the check behind it."""
    rows = [derivation.name]
    width = max(len(line.sign) for line in derivation.lines)
    for line in derivation.lines:
        why = "; ".join(filter(None, (line.reason, str(line.evidence))))
        rows.append(f"{line.sign:>{width}} {Text().doprint(line.expression)}    ({why})")
    return "\n".join(rows)


def sign(line) -> str:
    """The sign between two lines, in LaTeX."""
    if line.sign.startswith("∂"):
        along = Latex().doprint(line.rule.along)
        return rf"\xrightarrow{{\partial / \partial {along}}}"
    if line.sign.startswith("at "):
        return rf"\xrightarrow{{{Latex().doprint(Eq(line.rule.letter, line.rule.value))}}}"
    return SIGNS.get(line.sign, line.sign)


def checked(line) -> str:
    """How a line was checked, in a few words."""
    return plain(str(line.evidence) if line.evidence.kind == "by lemma" else line.evidence.kind)


def plain(words: str) -> str:
    """Words for LaTeX's text mode. Raises ValueError for letters that mean something there."""
    found = sorted(set(words) & set("\\$%&#_{}^~"))
    if found:
        raise ValueError(f"write reasons in plain words: {words!r} has {' '.join(found)}")
    return words
