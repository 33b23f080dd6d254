"""The lines of a derivation, what a chain of them proves, and the error of a refused one."""

from dataclasses import dataclass, replace

from sympy import Basic, Eq, Equality

from rlhf_lab.derivations.checker import printing
from rlhf_lab.derivations.checker.checking import Evidence, RefusedError
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.rules import Rule
from rlhf_lab.derivations.checker.substitution import Meaning, substituted


class DerivationError(Exception):
    """A step that was refused: its line, why, and where known a point and both values there."""

    def __init__(self, name: str, line: int, reason: str, refused: RefusedError) -> None:
        super().__init__(f"{name}, line {line} ({reason}): {refused}")
        self.line, self.reason = line, reason
        self.point, self.left, self.right = refused.point, refused.left, refused.right


@dataclass(frozen=True)
class Line:
    """A formula, equation or optimum; how it is joined to the line before; why; how checked."""

    sign: str
    expression: Basic
    reason: str
    evidence: Evidence
    rule: Rule
    equality_case: Eq | None = None
    equality_range: tuple = ()


def next_line(expression: Basic, reason: str, rule: Rule, evidence: Evidence) -> Line:
    """A checked line; equations that say the same are joined by ⟺."""
    sign = "⟺" if rule.sign == "=" and isinstance(expression, Equality) else rule.sign
    return Line(sign, expression, reason, evidence, rule, rule.equality_case, rule.equality_range)


def special_line(line: Line, meaning: Meaning) -> Line:
    """A line of a special case; its rule is that of the general line."""
    case = line.equality_case
    if case is not None:  # kept even where it is never reached
        case = Eq(*(substituted(side, meaning) for side in case.args), evaluate=False)
    ends = tuple(substituted(end, meaning) for end in line.equality_range)
    expression = substituted(line.expression, meaning)
    return replace(line, expression=expression, equality_case=case, equality_range=ends)


def overall_sign(lines: tuple[Line, ...]) -> str:
    """How the last line stands to the first: =, ≥, ≤, >, <; "" where there is no one sign."""
    signs = {line.sign for line in lines[1:]} - {"="}
    if rests_on_a_hypothesis(lines):
        return ""
    for strict, weak in ((">", "≥"), ("<", "≤")):
        if signs and signs <= {strict, weak}:
            return strict if strict in signs else weak
    return "" if signs else "="


def proved_equation(name: str, lines: tuple[Line, ...]) -> Eq:
    """start = end, or the last of a chain of equivalent equations of which the first holds."""
    if rests_on_a_hypothesis(lines):
        raise ValueError(f"{name} rests on a hypothesis: it is a step of an induction, no result")
    signs, end = {line.sign for line in lines[1:]}, lines[-1].expression
    if isinstance(end, Equality) and signs <= {"⟺"} and lines[0].evidence.kind != "asked":
        return end
    if not isinstance(end, Equality) and signs <= {"="}:
        return Eq(lines[0].expression, end, evaluate=False)
    raise ValueError(f"{name} does not end in an equation that holds")


def rests_on_a_hypothesis(lines: tuple[Line, ...]) -> bool:
    """Whether a line follows only if the statement of an induction holds at n."""
    return any(line.evidence.kind == "by hypothesis" for line in lines)


def only_equality_case(name: str, lines: tuple[Line, ...]) -> Eq:
    """Where the two sides of the one inequality in the chain are equal."""
    cases = [line.equality_case for line in lines if line.equality_case is not None]
    if len(cases) != 1:
        raise ValueError(f"{name} has {len(cases)} inequalities, need one")
    return cases[0]


@dataclass(frozen=True)
class Chain:
    """Checked lines, as they are read: in a notebook one aligned block, by `print` plain text."""

    name: str
    given: Given
    lines: tuple[Line, ...] = ()

    def upto(self, count: int) -> "Chain":
        """The first lines only, to be read one by one."""
        if not 1 <= count <= len(self.lines):
            raise ValueError(f"{self.name} has lines 1 to {len(self.lines)}, got {count}")
        return replace(self, lines=self.lines[:count])

    @property
    def start(self) -> Basic:
        """The first line's expression."""
        return self.lines[0].expression

    @property
    def end(self) -> Basic:
        """The last line's expression."""
        return self.lines[-1].expression

    @property
    def sign(self) -> str:
        """How the last line stands to the first: =, ≥, ≤, >, <; "" where there is no one sign."""
        return overall_sign(self.lines)

    @property
    def equation(self) -> Eq:
        """What is proved: start = end, or the last of a chain of equivalent equations."""
        return proved_equation(self.name, self.lines)

    @property
    def equality_case(self) -> Eq:
        """Where both sides of an inequality are equal; what holds for every y holds as written."""
        return only_equality_case(self.name, self.lines)

    @property
    def equality_range(self) -> tuple:
        """The first and the last outcome for which it must; () where it is about one number."""
        return next((line.equality_range for line in self.lines if line.equality_range), ())

    def latex(self) -> str:
        """The lines as one aligned block of LaTeX, without dollar signs."""
        return printing.latex_block(self)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def __str__(self) -> str:
        return printing.text_block(self)
