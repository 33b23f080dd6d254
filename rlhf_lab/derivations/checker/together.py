"""Recursions beside each other, beside slopes and in special cases: what may not be done with them.

A recursion holds for its own functions only. From K_1 = u p and K_{n+1} = ... follows a formula for
K; if q were put in for p in that formula, it would say of the same K what holds for another sum.
And what a function hides it keeps: with f(n + 1) = γ f(n), what is f(n) depends on γ, though γ is
not among the arguments of f, so that no slope along γ is taken beside it. Where f(n) = 0 is said
of the last place alone, n stays what it is.
"""

from collections.abc import Iterator
from dataclasses import fields
from itertools import combinations

from sympy import Derivative, Dummy, Expr
from sympy.core.function import AppliedUndef, UndefinedFunction

from rlhf_lab.derivations.checker.checking import RefusedError
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.hidden import check_definitions, check_smooth
from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.probability import Optimum
from rlhf_lab.derivations.checker.recursions import Recursion, Turned, check_circles
from rlhf_lab.derivations.checker.substitution import Meaning


def check_recursions(chain: Chain, meaning: Meaning) -> None:
    """Raise RefusedError where a recursion behind a chain would say something else.

    Letters that the function is defined for stay free, as the recursion holds for every value;
    those of one place do not.
    """
    for recursion in recursions(chain):
        equation = recursion.equation
        inside = {part.func for part in equation.atoms(AppliedUndef)} | equation.free_symbols
        inside -= equation.lhs.free_symbols - set(recursion.fixed)
        changed = [str(key) for key in meaning if key in inside]
        if changed:
            raise RefusedError(
                f"{recursion.name} defines {equation.lhs} by a recursion in {', '.join(changed)}: "
                "nothing else may stand for it"
            )


def consistent(chain: Chain) -> Chain:
    """The chain. Raises RefusedError where a function is defined twice, or a recursion hides a
    letter along which a slope is taken, or that is chosen, counted or summed over."""
    for line in chain.lines:
        check_definitions(line.expression, chain.given)
        check_smooth(line.expression, chain.given)
    check_one_place(chain)
    found = {recursion.equation: recursion for recursion in recursions(chain)}
    check_circles(found.values())
    for one, other in combinations(found, 2):
        if one.lhs.func == other.lhs.func and not apart(one.lhs, other.lhs):
            raise RefusedError(f"{one.lhs} and {other.lhs} may be one place: it is defined twice")
    defined = {found[one]: unfolded(one.rhs, found[one].given) for one in found}
    for recursion in defined:
        left = recursion.equation.lhs
        if left.func in chain.given.meanings() or chain.given.distribution_of(left) is not None:
            raise RefusedError(f"{left.func} is given, so no recursion may define it")
        beside = (part for part in chains(chain) if stands_in(left.func, part))
        taken = set().union(*map(chosen, beside))
        hidden = taken & {left.func, *hidden_in(left.func, defined, chain.given)}
        if hidden:
            raise RefusedError(
                f"{left.func} depends on {min(map(str, hidden))} by the recursion "
                f"{recursion.name}: write the formula out before that is chosen or differentiated"
            )
    return chain


def check_one_place(chain: Chain) -> None:
    """Raise RefusedError where a letter that is fixed takes other values, or varies."""
    fixed = {letter for recursion in recursions(chain) for letter in recursion.fixed}
    moved = fixed and fixed & set().union(*map(chosen, chains(chain)))
    if moved:
        raise RefusedError(f"{min(map(str, moved))} is one place only, and takes other values here")


def apart(one: Expr, other: Expr) -> bool:
    """Whether one argument of the two is never the same, whatever their letters are."""
    fresh = {i: Dummy(i.name, **i.assumptions0) for i in other.free_symbols}
    pairs = zip(one.args, other.xreplace(fresh).args, strict=False)
    return len(one.args) != len(other.args) or any((a - b).is_nonzero for a, b in pairs)


def stands_in(function: UndefinedFunction, chain: Chain) -> bool:
    """Whether a function stands in a line, or in what a line is short for."""
    return any(unfolded(line.expression, chain.given).has(function) for line in chain.lines)


def hidden_in(function: UndefinedFunction, defined: dict, given: Given, seen: tuple = ()) -> set:
    """The letters that a function depends on by recursions, its own and those it leads to."""
    letters = set()
    for recursion, right in defined.items():
        if recursion.equation.lhs.func == function and recursion not in seen:
            right = unfolded(right, given)
            letters |= right.free_symbols - recursion.equation.lhs.free_symbols
            for inside in {part.func for part in right.atoms(AppliedUndef)}:
                letters |= hidden_in(inside, defined, given, (*seen, recursion))
    return letters


def chosen(chain: Chain) -> set:
    """What a line of a chain differentiates along, chooses, counts or sums over; and what a
    hypothesis is used for other values of."""
    letters: set[object] = set()
    for line in chain.lines:
        rule = line.rule
        letters |= {getattr(rule, "along", None), getattr(rule, "letter", None)}
        letters |= {*getattr(rule, "over", ())[:1], *getattr(rule, "for_every", ())}
        letters |= {i for part in line.expression.atoms(Derivative) for i in part.variables}
        varied = {part.args[1] for part in line.expression.atoms(Optimum)}
        letters |= {getattr(i, "func", i) if i.args else i for i in varied}
    return letters - {None}


def recursions(part: object) -> Iterator[Recursion]:
    """Every recursion that a chain rests on, through its lemmas."""
    return (inside for inside in behind(part) if isinstance(inside, Recursion))


def chains(part: object) -> Iterator[Chain]:
    """A chain and every lemma that it rests on."""
    return (inside for inside in behind(part) if isinstance(inside, Chain))


def behind(part: object) -> Iterator[Chain | Recursion]:
    """A chain and all that it rests on."""
    if isinstance(part, Turned):
        yield from behind(part.lemma)
    elif isinstance(part, tuple):
        for inside in part:
            yield from behind(inside)
    elif isinstance(part, (Chain, Recursion)):
        yield part
        for line in getattr(part, "lines", ()):
            yield from behind(tuple(getattr(line.rule, f.name) for f in fields(line.rule)))
