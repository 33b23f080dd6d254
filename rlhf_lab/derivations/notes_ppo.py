"""The printed errors of the course notes on PPO: refused, and what the printed objective would do.

The notes print min(ρ Â, clip(ρ, 1-ε, 1+ε)), without the advantage beside the clip. The corrected
form is in `clipping`. The cases here need 0 < ε < 1, so ε is written as 1/(1 + k) with k > 0.
"""

from collections.abc import Callable

from sympy import Derivative, Eq, Expr, Function, Integer, Min, symbols

from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.clipping import ABOVE, A, case, clipped, epsilon, rho, s
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, theta

k, size, more = symbols("k size more", positive=True)
ratio = Function("ratio", positive=True)(theta)
SMALL = Eq(epsilon, 1 / (1 + k), evaluate=False)
LARGE, LITTLE = (Eq(A, value, evaluate=False) for value in (1 + more, 1 / (1 + more)))
ONE = Given(definitions=(Eq(A, 1, evaluate=False),), statement="Â = 1, any ratio.")


def printed(of: Expr) -> Expr:
    """min(ρ Â, clip(ρ, 1-ε, 1+ε)), as the notes have it."""
    return Min(factors(of, A), Clip(of, 1 - epsilon, 1 + epsilon))


def near(place: Expr, *definitions: Eq) -> Given:
    """A ratio between two values: it goes from one to the other as s goes from 0 to infinity."""
    return Given(
        definitions=(*definitions, Eq(rho, place, evaluate=False)),
        statement="The ratio lies between two values, at θ and near it: it goes from one to the "
        "other as the positive s grows. ε is below 1.",
    )


def printed_for_bad_actions() -> Derivation:
    """Â < 0: ρ Â, slope Â ∂ρ, at every ratio: a bad action is never clipped. PPO-15."""
    bad = Given(definitions=(Eq(A, -size, evaluate=False),), statement="Â < 0, any ratio ρ > 0.")
    return (
        begin("printed, bad action", printed(ratio), bad)
        .rewrite(factors(ratio, A), "negative is less than positive")
        .differentiate(theta, "the advantage is a number", factors(A, Derivative(ratio, theta)))
    )


def printed_for_large_advantages_inside() -> Derivation:
    """Â > 1, 1-ε < ρ < 1+ε: ρ, slope ∂ρ: the advantage has no say. PPO-15."""
    given = near((1 - epsilon + (1 + epsilon) * s) / (1 + s), SMALL, LARGE)
    return (
        begin("printed, large advantage", printed(rho), given)
        .rewrite(rho, "ρ is its own clip, and less than ρ Â")
        .differentiate(theta, "1 in the place of Â", Derivative(rho, theta))
    )


def printed_for_large_advantages_below() -> Derivation:
    """Â > 1, (1-ε)/Â < ρ < 1-ε: slope 0, where a good action should be pulled back. PPO-15."""
    given = near((1 - epsilon) * (1 + s) / (1 + A * s), SMALL, LARGE)
    return (
        begin("printed, large advantage, below", printed(rho), given)
        .rewrite(1 - epsilon, "the clip of ρ, which is less than ρ Â")
        .differentiate(theta, "the ratio is not in it", Integer(0))
    )


def printed_for_small_advantages_above() -> Derivation:
    """0 < Â < 1, 1+ε < ρ < (1+ε)/Â: slope Â ∂ρ, where it should be clipped. PPO-15."""
    given = near((1 + epsilon) * (1 + s) / (1 + A * s), LITTLE)
    return (
        begin("printed, small advantage, above", printed(rho), given)
        .rewrite(factors(rho, A), "ρ Â is less than 1 + ε still")
        .differentiate(theta, "the advantage is a number", factors(A, Derivative(rho, theta)))
    )


def printed_for_advantage_one() -> Derivation:
    """Â = 1: min(ρ, 1+ε), as it should be; see `right_for_advantage_one`. PPO-15."""
    return begin("printed, advantage 1", printed(ratio), ONE).rewrite(
        Min(ratio, 1 + epsilon), "the low edge never matters: a ratio below its clip is the minimum"
    )


def right_for_advantage_one() -> Derivation:
    """Â = 1: the corrected objective is min(ρ, 1+ε) too. PPO-15."""
    return begin("corrected, advantage 1", clipped(ratio), ONE).rewrite(
        Min(ratio, 1 + epsilon), "the low edge never matters: a ratio below its clip is the minimum"
    )


def objective_without_the_advantage() -> Derivation:
    """PPO-15 as printed: the second term lacks the advantage. Refused."""
    right = begin("clipped objective", clipped(ratio))
    return right.rewrite(printed(ratio), "the notes: no advantage beside the clip")


def trapped_ratio() -> Derivation:
    """PPO-4 as printed: the ratio is trapped in its range, ρ = clip(ρ, 1-ε, 1+ε). Refused."""
    ratio_beyond = begin("trapped ratio", rho, case(ABOVE), "a ratio above the range")
    return ratio_beyond.rewrite(Clip(rho, 1 - epsilon, 1 + epsilon), "the notes: trapped")


REFUSED: dict[str, tuple[Callable[[], Derivation], ...]] = {
    "PPO-4": (trapped_ratio,),
    "PPO-15": (objective_without_the_advantage,),
}

RESULTS = (
    printed_for_bad_actions,
    printed_for_large_advantages_inside,
    printed_for_large_advantages_below,
    printed_for_small_advantages_above,
    printed_for_advantage_one,
    right_for_advantage_one,
)
