"""The smaller and the larger of several formulas, and clip(x, a, b).

Which is the smaller is decided where the sign of the difference is proved, and left open elsewhere;
so a formula with a `Min` in it is worked out case by case, each on a ground that says the case.
"""

from sympy import Expr, Function, Max, Min

from rlhf_lab.derivations.checker import signs
from rlhf_lab.derivations.checker.generators import cancelled, is_zero_fraction


class Clip(Function):
    """clip(x, a, b) = min(max(x, a), b): x held between a and b."""

    nargs = 3

    def meaning(self) -> Expr:
        x, low, high = self.args
        return Min(Max(x, low), high)

    def _eval_is_real(self) -> bool | None:
        return True if all(part.is_real for part in self.args) else None

    def _latex(self, printer) -> str:
        return rf"\text{{clip}}\left({', '.join(self.shown(printer))}\right)"

    def _sympystr(self, printer) -> str:
        return f"clip({', '.join(self.shown(printer))})"

    def shown(self, printer) -> list[str]:
        """The arguments, with a number before the letter that is added to it: 1 + ε."""
        return [
            printer._print_Add(part, order="none") if part.is_Add else printer.doprint(part)
            for part in self.args
        ]


def extreme(kind: type, parts: list[Expr]) -> Expr:
    """Min or Max of formulas in canonical form, without those that are proved not to be it."""
    left: list[Expr] = []
    for part in parts:
        if any(never_chosen(kind, part, other) for other in left):
            continue
        left = [other for other in left if not never_chosen(kind, other, part)] + [part]
    return kind(*left)


def never_chosen(kind: type, part: Expr, other: Expr) -> bool:
    """Whether `other` is proved to be at least as small (for Min) or as large (for Max)."""
    gap = part - other if kind is Min else other - part
    return is_zero_fraction(gap) or any(map(signs.is_positive, (gap, cancelled(gap))))
