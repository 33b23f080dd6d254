"""A recursion holds for its own functions only: no special case may put other ones in for them.

From K_1 = u p and K_{n+1} = ... follows a formula for K. If q were put in for p in that formula,
it would say of the same K what holds for another sum.
"""

from collections.abc import Iterator
from dataclasses import fields

from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.checking import RefusedError
from rlhf_lab.derivations.checker.induction import Recursion, Turned
from rlhf_lab.derivations.checker.lines import Chain
from rlhf_lab.derivations.checker.rules import Rule
from rlhf_lab.derivations.checker.substitution import Meaning


def check_recursions(chain: Chain, meaning: Meaning) -> None:
    """Raise RefusedError where a recursion behind a chain would say something else.

    Letters that the function is defined for stay free: the recursion holds for every value.
    """
    for recursion in recursions(chain):
        equation = recursion.equation
        inside = {part.func for part in equation.atoms(AppliedUndef)} | equation.free_symbols
        inside -= equation.lhs.free_symbols
        changed = [str(key) for key in meaning if key in inside]
        if changed:
            raise RefusedError(
                f"{recursion.name} defines {equation.lhs} by a recursion in {', '.join(changed)}: "
                "nothing else may stand for it"
            )


def check_slope_along(chain: Chain, rule: Rule) -> None:
    """Raise RefusedError where a slope is asked along a letter that a recursion hides.

    With f(n + 1) = γ f(n), what is f(n) depends on γ, though γ is not among the arguments of f.
    """
    letter = getattr(rule, "along", None) or getattr(rule, "letter", None)
    for recursion in recursions(chain) if letter is not None else ():
        left, right = recursion.equation.args
        hidden = letter in right.free_symbols - left.free_symbols
        if hidden and isinstance(left, AppliedUndef) and chain.end.has(left.func):
            raise RefusedError(
                f"{left.func} depends on {letter} by the recursion {recursion.name}: write the "
                "formula out before taking its slope"
            )


def recursions(part: object) -> Iterator[Recursion]:
    """Every recursion that a chain rests on, through its lemmas."""
    if isinstance(part, Recursion):
        yield part
    elif isinstance(part, Turned):
        yield from recursions(part.lemma)
    elif isinstance(part, Chain):
        for line in part.lines:
            yield from recursions(tuple(getattr(line.rule, f.name) for f in fields(line.rule)))
    elif isinstance(part, tuple):
        for inside in part:
            yield from recursions(inside)
