"""PPO's clipped objective is never above the surrogate without the clip.

In four of the six cases of `clipping` the two are equal; here are the other two, and the edges of
the range, where the pieces meet with a kink.
Schulman et al. 2017, "Proximal Policy Optimization Algorithms" (arXiv 1707.06347), section 3.
"""

from sympy import Eq, Expr, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.clipping import BAD, GOOD, A, case, clipped, epsilon, size
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, terms

rho = symbols("rho", real=True)
gap = symbols("gap", positive=True)


def at_edge(name: str, edge: Expr) -> Derivation:
    """The objective where the ratio is at an edge, for any advantage."""
    given = Given(definitions=(Eq(rho, edge, evaluate=False),), statement="Any advantage.")
    return begin(name, clipped(rho), given).rewrite(
        factors(rho, A), "the clip of the ratio is the ratio"
    )


def at_low_edge() -> Derivation:
    """ρ = 1-ε: ρ Â, for either sign of Â. PPO-15."""
    return at_edge("at the low edge", 1 - epsilon)


def at_high_edge() -> Derivation:
    """ρ = 1+ε: ρ Â, for either sign of Â. PPO-15."""
    return at_edge("at the high edge", 1 + epsilon)


def below_unclipped(name: str, sign: Eq, place: Expr) -> Derivation:
    """The objective where it is flat: below ρ Â by the gap times the size of the advantage."""
    given = case(sign, Eq(rho, place, evaluate=False))
    return (
        begin(name, clipped(rho), given)
        .rewrite(terms(factors(rho, A), -gap * size), "by the gap between ratio and edge")
        .below(factors(rho, A), "gap and size are positive")
    )


def lower_bound_above() -> Derivation:
    """Â > 0, ρ > 1+ε: ρ Â - gap |Â| < ρ Â. PPO-15.

    With `lower_bound_below` and the four cases and two edges in which it is ρ Â, the objective is
    never above the surrogate without the clip.
    """
    return below_unclipped("lower bound, good action", GOOD, 1 + epsilon + gap)


def lower_bound_below() -> Derivation:
    """Â < 0, ρ < 1-ε: ρ Â - gap |Â| < ρ Â. PPO-15."""
    return below_unclipped("lower bound, bad action", BAD, 1 - epsilon - gap)


RESULTS = (at_low_edge, at_high_edge, lower_bound_above, lower_bound_below)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "A product is the same in either order.": (
        "at the low edge, line 2: advantage and rho exchanged",
        "at the high edge, line 2: advantage and rho exchanged",
        "lower bound, good action, line 2: advantage and rho exchanged",
        "lower bound, good action, line 3: advantage and rho exchanged",
        "lower bound, bad action, line 2: advantage and rho exchanged",
        "lower bound, bad action, line 3: advantage and rho exchanged",
    ),
    "What is below ρ Â is below what is larger still: ρ Â + 1 and, where Â > 0, 2 ρ Â and ρ² Â.": (
        "lower bound, good action, line 3: 1 more than the line",
        "lower bound, good action, line 3: twice advantage*rho",
        "lower bound, good action, line 3: square of rho",
        "lower bound, bad action, line 3: 1 more than the line",
    ),
}
