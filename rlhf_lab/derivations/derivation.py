"""A derivation: lines that the computer checked when they were written.

>>> from sympy import symbols
>>> a = symbols("a", real=True)
>>> square = begin("square", (a + 1) ** 2).rewrite(a**2 + 2 * a + 1, "multiply out")
>>> print(square)
square
  (a + 1)**2    (given)
= a**2 + 2*a + 1    (multiply out; proved)
>>> square.rewrite(a**2 + 2 * a - 1, "forget a sign")  # doctest: +ELLIPSIS
Traceback (most recent call last):
rlhf_lab.derivations.checker.lines.DerivationError: square, line 3 (forget a sign): the two ...
"""

from dataclasses import replace

from sympy import Basic, Eq, Expr, Lambda, S, Symbol, sympify

from rlhf_lab.derivations.checker.bounds import Attained, Bound, Rising, Signed
from rlhf_lab.derivations.checker.calculus import Differentiated, Solved, Stationary
from rlhf_lab.derivations.checker.checking import RefusedError
from rlhf_lab.derivations.checker.given import NOTHING, Given
from rlhf_lab.derivations.checker.induction import ByHypothesis, ByInduction
from rlhf_lab.derivations.checker.lines import Chain, DerivationError, next_line, special_line
from rlhf_lab.derivations.checker.maps import BothSides, SameOptimum
from rlhf_lab.derivations.checker.rules import ByLemma, Equal, Rule, Start
from rlhf_lab.derivations.checker.slopes import ValueAt, check_lines
from rlhf_lab.derivations.checker.special_case import check_special_case
from rlhf_lab.derivations.checker.substitution import Meaning
from rlhf_lab.derivations.checker.together import check_recursions, consistent


class Derivation(Chain):
    """Checked lines. Every verb returns a longer derivation or raises DerivationError."""

    def follow(self, expression: Basic | None, reason: str, rule: Rule) -> "Derivation":
        """One more line by any rule, which works it out where none is given; all verbs use this."""
        before = self.end if self.lines else None
        try:
            if expression is None:
                expression = rule.result(before, self.given)
            expression = sympify(expression, strict=True)  # a plain number is one too
            evidence = rule.check(before, expression, self.given)
            line = next_line(expression, reason, rule, evidence)
            return consistent(replace(self, lines=(*self.lines, line)))
        except RefusedError as refused:
            raise DerivationError(self.name, len(self.lines) + 1, reason, refused) from None

    def rewrite(self, expression: Basic, reason: str) -> "Derivation":
        """The same quantity in another form."""
        return self.follow(expression, reason, Equal())

    def substitute(self, expression: Basic, reason: str, *, by: tuple) -> "Derivation":
        """The same quantity, by lemmas "left = right" that stand in line for their left sides."""
        return self.follow(expression, reason, ByLemma(by))

    def same_optimum(self, expression: Basic, reason: str, *, through: Lambda) -> "Derivation":
        """The same arg max or arg min, after a strictly monotonic map of the objective."""
        return self.follow(expression, reason, SameOptimum(through))

    def both_sides(self, expression: Eq, reason: str, *, through: Lambda) -> "Derivation":
        """The equation after one strictly monotonic map of both its sides."""
        return self.follow(expression, reason, BothSides(through))

    def attained(self, expression: Basic, reason: str, *, by: "Derivation") -> "Derivation":
        """The arg min itself: where the lower bound of a lemma is reached."""
        return self.follow(expression, reason, Attained(by))

    def bounded(
        self,
        expression: Expr,
        reason: str,
        *,
        by: "Derivation",
        weight: Expr = S.One,
        over: tuple = (),
    ) -> "Derivation":
        """At least (or at most) the new line, by a lemma times weights, summed over outcomes."""
        return self.follow(expression, reason, Bound(by, weight, over))

    def lowest(self, expression: Expr, reason: str, *, letter: Symbol, at: Expr) -> "Derivation":
        """At least the value at the one stationary point of a convex formula."""
        return self.follow(expression, reason, Stationary(letter, at))

    def below(self, expression: Expr, reason: str) -> "Derivation":
        """Strictly below the new line."""
        return self.follow(expression, reason, Signed("<"))

    def above(self, expression: Expr, reason: str) -> "Derivation":
        """Strictly above the new line."""
        return self.follow(expression, reason, Signed(">"))

    def differentiate(
        self, along: Symbol, reason: str, expression: Expr | None = None
    ) -> "Derivation":
        """The derivative: worked out, or checked against the form that is handed in."""
        return self.follow(expression, reason, Differentiated(along))

    def solve(self, solution: Eq, reason: str) -> "Derivation":
        """unknown = formula, the one solution of the equation."""
        return self.follow(solution, reason, Solved(solution.lhs))

    def value_at(self, expression: Expr, reason: str, *, letter: Symbol, value: Expr):
        """The value of the formula where the letter is what is said."""
        return self.follow(expression, reason, ValueAt(letter, value))

    def assume(self, expression: Basic, reason: str, *, statement: Eq, for_every: tuple = ()):
        """The same quantity if the statement of an induction holds at n, for every such letter."""
        return self.follow(expression, reason, ByHypothesis(statement, for_every))

    def rising(
        self,
        expression: Expr,
        reason: str,
        *,
        letter: Symbol,
        by: "Derivation",
        weight: Expr = S.One,
    ) -> "Derivation":
        """At least the value where the letter is 0: the slope is a lemma's gap times a weight."""
        return self.follow(expression, reason, Rising(letter, by, weight))

    def at(self, meaning: Meaning, given: Given) -> "Derivation":
        """The special case where letters and functions mean what is said, on another ground.

        Raises DerivationError unless each meaning is in the domain of what it stands for.
        """
        try:
            check_special_case(self.given, meaning, given)
            check_lines(self.lines, meaning, self.given, given)
            check_recursions(self, meaning)
            lines = tuple(special_line(line, meaning) for line in self.lines)
            return consistent(replace(self, given=given, lines=lines))
        except RefusedError as refused:
            raise DerivationError(self.name, 1, "special case", refused) from None


def by_induction(
    statement: Eq, letter: Symbol, *, base: Derivation, step: Derivation, name: str
) -> Derivation:
    """left(n) = right(n) for n = 1, 2, 3, ...: two lines, from a base at 1 and a step to n + 1."""
    start = begin(name, statement.lhs, step.given)
    rule = ByInduction(letter, base, step)
    return start.follow(statement.rhs, f"by induction over {letter}", rule)


def begin(name: str, start: Basic, given: Given = NOTHING, reason: str = "") -> Derivation:
    """A derivation of one line: a formula, an optimum, or an equation."""
    return Derivation(name, given).follow(start, reason, Start())
