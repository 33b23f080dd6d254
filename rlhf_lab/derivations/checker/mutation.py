"""Wrong versions of a formula: what a checker of derivations has to refuse.

Every part of a formula in turn gets another sign, another factor, another exponent; terms and
factors are dropped, letters and functions are taken for one another or change places, and so do
the arguments of a KL.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from sympy import Add, Basic, Derivative, Dummy, Expr, Lambda, Mul, Product, Sum, Symbol
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.lines import Chain, DerivationError
from rlhf_lab.derivations.checker.probability import KL, Optimum
from rlhf_lab.derivations.checker.substitution import substituted

Path = tuple[int, ...]
Change = tuple[str, str, Basic]  # kind, in words, the formula that results


@dataclass(frozen=True)
class Mutant:
    """A changed line of a derivation: which line, what was done to which part, what came out."""

    derivation: str
    line: int
    kind: str
    change: str
    expression: Basic

    def __str__(self) -> str:
        return f"{self.derivation}, line {self.line}: {self.change}"


def mutants(derivation: Chain) -> Iterator[Mutant]:
    """Every mutant of every line after the first; what was done to equal parts is numbered."""
    parts = set().union(*(line.expression.atoms(Symbol, AppliedUndef) for line in derivation.lines))
    letters = {part for part in parts if isinstance(part, Symbol)}
    functions = {(part.func, len(part.args)) for part in parts - letters}
    for number, line in enumerate(derivation.lines[1:], start=2):
        seen, named = {line.expression}, Counter()
        for kind, change, expression in changes(line.expression, letters, functions):
            if expression not in seen:
                seen.add(expression)
                named[change] += 1
                place = f", place {named[change]}" if named[change] > 1 else ""
                yield Mutant(derivation.name, number, kind, change + place, expression)


def refusal(mutant: Mutant, derivation: Chain) -> DerivationError | None:
    """What the checker says to the mutant in the place of the line; None where it accepts it."""
    before = derivation.upto(mutant.line - 1)
    rule = derivation.lines[mutant.line - 1].rule
    try:
        before.follow(mutant.expression, mutant.change, rule)
    except DerivationError as refused:
        return refused
    return None


def changes(expression: Basic, letters: set, functions: set) -> Iterator[Change]:
    """Each change of a formula."""
    if isinstance(expression, Expr) and not isinstance(expression, Optimum):
        yield "term added", "1 more than the line", expression + 1
    for path, part in places(expression):
        for kind, change, new in changed(part, letters, functions):
            yield kind, f"{change} {part}", put(expression, path, new)
    path = (0,) if isinstance(expression, Optimum) else ()
    for change, new in exchanged(expression.args[0] if path else expression):
        yield "letters swapped", change, put(expression, path, new)


def changed(part: Basic, letters: set, functions: set) -> Iterator[Change]:
    """The wrong versions of one part."""
    if isinstance(part, Expr) and not isinstance(part, Optimum):
        yield "sign", "sign of", -part
        yield "factor", "twice", 2 * part
        yield "exponent", "square of", part**2
    if isinstance(part, (Add, Mul)):
        for i, dropped in enumerate(part.args):
            rest = part.args[:i] + part.args[i + 1 :]
            yield "term or factor dropped", f"without {dropped}:", part.func(*rest)
    if isinstance(part, KL):
        first, second, count = part.args
        yield "KL turned round", "arguments swapped in", KL.around(second, first, count)
    if isinstance(part, Symbol):
        for other in sorted(letters - {part}, key=str):
            if other.assumptions0 == part.assumptions0:
                yield "letter for another", f"{other} for", other
    if isinstance(part, AppliedUndef):
        for other, arity in sorted(functions - {(part.func, len(part.args))}, key=str):
            if arity == len(part.args) and other != part.func:
                yield "letter for another", f"{other} for", other(*part.args)


def exchanged(expression: Basic) -> Iterator[tuple[str, Basic]]:
    """Two free letters of one domain, or two functions, that change places everywhere."""
    for one, other in combinations(sorted(expression.free_symbols, key=str), 2):
        if one.assumptions0 == other.assumptions0:
            meaning = {one: other, other: one}
            yield f"{one} and {other} exchanged", substituted(expression, meaning)
    used = {(part.func, len(part.args)) for part in expression.atoms(AppliedUndef)}
    for (one, arity), (other, same) in combinations(sorted(used, key=str), 2):
        if arity == same and one != other:
            slots = tuple(Dummy() for _ in range(arity))
            meaning = {one: Lambda(slots, other(*slots)), other: Lambda(slots, one(*slots))}
            yield f"{one} and {other} exchanged", substituted(expression, meaning)


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
