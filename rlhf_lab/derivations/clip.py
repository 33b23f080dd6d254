"""clip(x, a, b) case by case: below a, between a and b, above b, and at the two edges.

The notes print it as a function of three cases; here each case is proved of its meaning,
min(max(x, a), b), for any a < b.
"""

from sympy import Eq, Expr, symbols

from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin

x, a, b = symbols("x a b", real=True)
width, gap, s, u = symbols("width gap s u", positive=True)


def clipped(name: str, place: Expr, where: str, value: Expr, why: str) -> Derivation:
    """clip(x, a, b) = value, where x is at this place; b is a plus a positive width."""
    definitions = (Eq(b, a + width, evaluate=False), Eq(x, place, evaluate=False))
    return begin(name, Clip(x, a, b), Given(definitions=definitions, statement=where)).rewrite(
        value, why
    )


def clip_below() -> Derivation:
    """clip(x, a, b) = a where x < a. PPO-14."""
    where = "x = a - gap with a positive gap."
    return clipped("clip, below", a - gap, where, a, "x is below a, and a is below b")


def clip_at_low() -> Derivation:
    """clip(x, a, b) = a where x = a. PPO-14."""
    return clipped("clip, at the low edge", a, "x = a.", a, "x is a, and a is below b")


def clip_between() -> Derivation:
    """clip(x, a, b) = x where a < x < b. PPO-14."""
    where = "x is a mean of a and b with positive weights s and u."
    between = (s * a + u * b) / (s + u)
    return clipped("clip, between", between, where, x, "x is above a and below b")


def clip_at_high() -> Derivation:
    """clip(x, a, b) = b where x = b. PPO-14."""
    return clipped("clip, at the high edge", b, "x = b.", b, "x is b, and b is above a")


def clip_above() -> Derivation:
    """clip(x, a, b) = b where x > b. PPO-14."""
    where = "x = b + gap with a positive gap."
    return clipped("clip, above", b + gap, where, b, "x is above b, and b is above a")


RESULTS = (clip_below, clip_at_low, clip_between, clip_at_high, clip_above)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "At an edge x is that edge.": (
        "clip, at the low edge, line 2: x for a",
        "clip, at the high edge, line 2: x for b",
    ),
}
