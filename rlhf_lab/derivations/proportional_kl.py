"""Ziegler's rule for the KL coefficient: β' = β (1 + gain clip(d/target - 1, -1/5, 1/5)).

A slow proportional controller of the KL to the reference, d. It stands still where d is the
target, and nowhere else; one step changes β by at most a fifth of the gain.
Ziegler et al. 2019, "Fine-Tuning Language Models from Human Preferences" (arXiv 1909.08593),
section 2.2, where the gain is 0.1; in their code it is batch size / horizon.
"""

from sympy import Eq, Expr, Lambda, Rational, symbols

from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import beta, factors, over, terms, z

kl, target, gain, gap, s, u, c = symbols("d d_target g gap s u c", positive=True)
FIFTH = Rational(1, 5)
ERROR = terms(over(kl, target), -1)
ADAPTED = factors(beta, terms(1, gain * Clip(ERROR, -FIFTH, FIFTH)))
UNCLIPPED = factors(beta, terms(1, gain * ERROR))


def where(kl_is: Expr, statement: str) -> Given:
    """A KL in one of the three zones of the clip, or between two."""
    return Given(definitions=(Eq(kl, kl_is, evaluate=False),), statement=statement)


INSIDE = where(
    target * (4 * s + 6 * u) / (5 * (s + u)),
    "d is a mean of 4/5 and 6/5 of the target, with positive weights s and u.",
)
UPPER_EDGE = where(target * (1 + FIFTH), "d is 6/5 of the target.")
LOWER_EDGE = where(target * (1 - FIFTH), "d is 4/5 of the target.")


def far_above() -> Derivation:
    """d > 6/5 target: β' = β (1 + gain/5) > β."""
    given = where(target * (1 + FIFTH + gap), "d is more than 6/5 of the target.")
    return (
        begin("KL far above", ADAPTED, given)
        .rewrite(factors(beta, terms(1, gain / 5)), "the error is clipped at 1/5")
        .above(beta, "the gain is positive")
    )


def far_below() -> Derivation:
    """d < 4/5 target: β' = β (1 - gain/5) < β."""
    given = where(target * (1 - FIFTH) / (1 + gap), "d is less than 4/5 of the target.")
    return (
        begin("KL far below", ADAPTED, given)
        .rewrite(factors(beta, terms(1, -gain / 5)), "the error is clipped at -1/5")
        .below(beta, "the gain is positive")
    )


def at_upper_edge() -> Derivation:
    """d = 6/5 target: β' = β (1 + gain/5) > β."""
    return (
        begin("KL at the upper edge", ADAPTED, UPPER_EDGE)
        .rewrite(factors(beta, terms(1, gain / 5)), "the error is 1/5")
        .above(beta, "the gain is positive")
    )


def at_lower_edge() -> Derivation:
    """d = 4/5 target: β' = β (1 - gain/5) < β."""
    return (
        begin("KL at the lower edge", ADAPTED, LOWER_EDGE)
        .rewrite(factors(beta, terms(1, -gain / 5)), "the error is -1/5")
        .below(beta, "the gain is positive")
    )


def largest_step() -> Derivation:
    """|d/target - 1| < 1/5: β' = β (1 + gain (d/target - 1)) < β (1 + gain/5)."""
    return (
        begin("KL near, upper bound", ADAPTED, INSIDE)
        .rewrite(UNCLIPPED, "the error is its own clip")
        .below(factors(beta, terms(1, gain / 5)), "the error is below 1/5")
    )


def smallest_step() -> Derivation:
    """|d/target - 1| < 1/5: β' = β (1 + gain (d/target - 1)) > β (1 - gain/5)."""
    return (
        begin("KL near, lower bound", ADAPTED, INSIDE)
        .rewrite(UNCLIPPED, "the error is its own clip")
        .above(factors(beta, terms(1, -gain / 5)), "the error is above -1/5")
    )


def stands_still() -> Derivation:
    """|d/target - 1| < 1/5: β' = β exactly where d is the target; elsewhere β moves, as shown."""
    return (
        begin("proportional rule", Eq(UNCLIPPED, beta, evaluate=False), reason="nothing changes")
        .both_sides(
            Eq(ERROR, 0, evaluate=False),
            "divide by β, take 1 away, divide by the gain",
            through=Lambda(z, (z / beta - 1) / gain),
        )
        .solve(Eq(kl, target, evaluate=False), "the error is 0")
    )


def closes_in() -> Derivation:
    """If d(β) = c/β, then β' - c/target = (1 - gain) (β - c/target): closer for a gain below 2."""
    given = where(over(c, beta), "Assumed: the KL falls like c/β, within a fifth of the target.")
    best = over(c, target)
    return begin("distance to the fixed point", terms(UNCLIPPED, -best), given).rewrite(
        factors(terms(1, -gain), terms(beta, -best)), "β d is c"
    )


RESULTS = (
    far_above,
    far_below,
    at_upper_edge,
    at_lower_edge,
    largest_step,
    smallest_step,
    stands_still,
    closes_in,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "What is above a bound is above every lower one, what is below it below every higher one.": (
        "KL far above, line 3: sign of beta",
        "KL far below, line 3: 1 more than the line",
        "KL far below, line 3: twice beta",
        "KL at the upper edge, line 3: sign of beta",
        "KL at the lower edge, line 3: 1 more than the line",
        "KL at the lower edge, line 3: twice beta",
        "KL near, upper bound, line 3: 1 more than the line",
        "KL near, upper bound, line 3: twice beta*(g/5 + 1)",
        "KL near, upper bound, line 3: twice g/5 + 1",
        "KL near, upper bound, line 3: square of g/5 + 1",
        "KL near, upper bound, line 3: twice 1",
        "KL near, upper bound, line 3: twice g/5",
        "KL near, upper bound, line 3: without 1/5: g/5",
        "KL near, lower bound, line 3: without 1: 1 - g/5",
        "KL near, lower bound, line 3: sign of 1",
        "KL near, lower bound, line 3: twice -g/5",
    ),
}
