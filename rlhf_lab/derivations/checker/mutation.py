"""Wrong versions of a formula: what a checker of derivations has to refuse.

Every part of a formula in turn gets another sign, another factor, another exponent; terms and
factors are dropped, letters and functions are taken for one another, the arguments of a KL change
places.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Add, Basic, Derivative, Expr, Lambda, Mul, Product, Sum, Symbol
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.lines import Chain, DerivationError
from rlhf_lab.derivations.checker.probability import KL, Optimum

Path = tuple[int, ...]


@dataclass(frozen=True)
class Mutant:
    """A changed line of a derivation: which line, what was done to which part, what came out."""

    derivation: str
    line: int
    change: str
    expression: Basic

    def __str__(self) -> str:
        return f"{self.derivation}, line {self.line}: {self.change}"


def mutants(derivation: Chain) -> Iterator[Mutant]:
    """Every mutant of every line after the first."""
    parts = set().union(*(line.expression.atoms(Symbol, AppliedUndef) for line in derivation.lines))
    letters = {part for part in parts if isinstance(part, Symbol)}
    functions = {(part.func, len(part.args)) for part in parts - letters}
    for number, line in enumerate(derivation.lines[1:], start=2):
        seen = {line.expression}
        for change, expression in changes(line.expression, letters, functions):
            if expression not in seen:
                seen.add(expression)
                yield Mutant(derivation.name, number, change, expression)


def survives(mutant: Mutant, derivation: Chain) -> bool:
    """Whether the checker accepts the mutant in the place of the line, by the same rule."""
    before = derivation.upto(mutant.line - 1)
    rule = derivation.lines[mutant.line - 1].rule
    try:
        before.follow(mutant.expression, mutant.change, rule)
    except DerivationError:
        return False
    return True


def changes(expression: Basic, letters: set, functions: set) -> Iterator[tuple[str, Basic]]:
    """Each change of one part of a formula, in words, with the formula that results."""
    if isinstance(expression, Expr) and not isinstance(expression, Optimum):
        yield "1 more than the line", expression + 1
    for path, part in places(expression):
        for change, new in changed(part, letters, functions):
            yield f"{change} {part}", put(expression, path, new)


def changed(part: Basic, letters: set, functions: set) -> Iterator[tuple[str, Basic]]:
    """The wrong versions of one part."""
    if isinstance(part, Expr) and not isinstance(part, Optimum):
        yield "sign of", -part
        yield "twice", 2 * part
        yield "square of", part**2
    if isinstance(part, (Add, Mul)):
        for i, dropped in enumerate(part.args):
            rest = part.args[:i] + part.args[i + 1 :]
            yield f"without {dropped}:", part.func(*rest)
    if isinstance(part, KL):
        first, second, count = part.args
        yield "arguments swapped in", KL.around(second, first, count)
    if isinstance(part, Symbol):
        for other in sorted(letters - {part}, key=str):
            if other.assumptions0 == part.assumptions0:
                yield f"{other} for", other
    if isinstance(part, AppliedUndef):
        for other, arity in sorted(functions - {(part.func, len(part.args))}, key=str):
            if arity == len(part.args) and other != part.func:
                yield f"{other} for", other(*part.args)


def places(expression: Basic, path: Path = ()) -> Iterator[tuple[Path, Basic]]:
    """Every part of a formula that can be changed, with the way to it; bound letters are left."""
    if not isinstance(expression, Lambda):
        yield path, expression
    inside = range(len(expression.args))
    if isinstance(expression, Lambda):
        inside = [1]
    elif isinstance(expression, (Sum, Product, Optimum, Derivative)):
        inside = [0]
    for i in inside:
        yield from places(expression.args[i], (*path, i))


def put(expression: Basic, path: Path, new: Basic) -> Basic:
    """The formula with another part at the end of the path."""
    if not path:
        return new
    parts = list(expression.args)
    parts[path[0]] = put(parts[path[0]], path[1:], new)
    return expression.func(*parts)
