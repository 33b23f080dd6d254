"""PPO's clipped objective min(ρ Â, clip(ρ, 1-ε, 1+ε) Â), in every case of sign and ratio.

Six cases: Â above or below 0; the ratio ρ below, inside or above the range. The slope is 0 in two
of them, and that of the unclipped ρ Â in the other four. Nothing bounds the ratio itself.
Schulman et al. 2017, "Proximal Policy Optimization Algorithms" (arXiv 1707.06347), Eq. 7.
"""

from sympy import Derivative, Eq, Expr, Function, Integer, Min, Symbol, symbols

from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, theta

epsilon, size = symbols("epsilon size", positive=True)
A = Symbol("advantage", real=True)
rho = Function("ratio", real=True)(theta)
gap, s, u = (Function(name, positive=True)(theta) for name in ("gap", "s", "u"))


def clipped(ratio: Expr) -> Expr:
    """min(ρ Â, clip(ρ, 1-ε, 1+ε) Â)."""
    return Min(factors(ratio, A), factors(Clip(ratio, 1 - epsilon, 1 + epsilon), A))


GOOD, BAD = (Eq(A, sign * size, evaluate=False) for sign in (1, -1))
BELOW = Eq(rho, 1 - epsilon - gap, evaluate=False)
INSIDE = Eq(rho, ((1 - epsilon) * s + (1 + epsilon) * u) / (s + u), evaluate=False)
ABOVE = Eq(rho, 1 + epsilon + gap, evaluate=False)


def case(*definitions: Eq) -> Given:
    """The sign of the advantage and the place of the ratio, at θ and near it."""
    return Given(
        definitions=definitions,
        statement="One action. Its advantage is plus or minus a positive size. Its ratio is a "
        "positive gap outside the range 1-ε to 1+ε, or a mean of the two edges with positive "
        "weights, at θ and near it.",
    )


def followed(name: str, given: Given, why: str) -> Derivation:
    """The case in which the minimum is ρ Â, and so is its slope."""
    return (
        begin(name, clipped(rho), given)
        .rewrite(factors(rho, A), why)
        .differentiate(theta, "the advantage is a number", factors(A, Derivative(rho, theta)))
    )


def flat(name: str, given: Given, edge: Expr, why: str) -> Derivation:
    """The case in which the minimum is the value at the edge, whatever the ratio is."""
    return (
        begin(name, clipped(rho), given)
        .rewrite(factors(edge, A), why)
        .differentiate(theta, "the ratio is not in it", Integer(0))
    )


def good_below() -> Derivation:
    """Â > 0, ρ < 1-ε: ρ Â, slope Â ∂ρ: a good action that lost ground is pulled back. PPO-15."""
    why = "the ratio is below its clip, and Â is positive"
    return followed("good action, below", case(GOOD, BELOW), why)


def good_inside() -> Derivation:
    """Â > 0, 1-ε < ρ < 1+ε: ρ Â, slope Â ∂ρ. PPO-15."""
    return followed("good action, inside", case(GOOD, INSIDE), "the clip of the ratio is the ratio")


def good_above() -> Derivation:
    """Â > 0, ρ > 1+ε: (1+ε) Â, slope 0, for a ratio as far out as one likes. PPO-4, -15."""
    why = "the ratio is above its clip, and Â is positive"
    return flat("good action, above", case(GOOD, ABOVE), 1 + epsilon, why)


def bad_below() -> Derivation:
    """Â < 0, ρ < 1-ε: (1-ε) Â, slope 0, for a ratio as far out as one likes. PPO-4, -15."""
    why = "the ratio is below its clip, and Â is negative"
    return flat("bad action, below", case(BAD, BELOW), 1 - epsilon, why)


def bad_inside() -> Derivation:
    """Â < 0, 1-ε < ρ < 1+ε: ρ Â, slope Â ∂ρ. PPO-15."""
    return followed("bad action, inside", case(BAD, INSIDE), "the clip of the ratio is the ratio")


def bad_above() -> Derivation:
    """Â < 0, ρ > 1+ε: ρ Â, slope Â ∂ρ: a bad action that gained ground is pushed back. PPO-15."""
    why = "the ratio is above its clip, and Â is negative"
    return followed("bad action, above", case(BAD, ABOVE), why)


RESULTS = (
    good_below,
    good_inside,
    good_above,
    bad_below,
    bad_inside,
    bad_above,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1 is 1².": (
        "good action, above, line 2: square of 1",
        "bad action, below, line 2: square of 1",
    ),
}
