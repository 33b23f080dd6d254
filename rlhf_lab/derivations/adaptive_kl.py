"""PPO's rule for the KL coefficient: β doubles above 1.5 times the target, and halves below 1/1.5.

Is one step too far? That depends on how the KL of an update, d(β), falls with β, and so each
result says what it assumes: d(β) = c/β, or c/β². Nothing here says which of them a real run is.
Schulman et al. 2017, "Proximal Policy Optimization Algorithms" (arXiv 1707.06347), section 4.
"""

from sympy import Eq, Expr, Function, Rational, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import beta, factors, over, terms

c, target, gap, s = symbols("c d_target gap s", positive=True)
slope, curvature = symbols("g F", positive=True)
step = symbols("h", real=True)
divergence = Function("divergence", positive=True)
n = symbols("n", integer=True, positive=True)
D, HIGH, LOW = divergence(beta), Rational(3, 2) * target, Rational(2, 3) * target


def falls(power: int, here: Expr | None = None) -> Given:
    """d(β) = c/β to this power; c is such that d at this β is what is said."""
    at_beta = () if here is None else (Eq(c, here * beta**power, evaluate=False),)
    return Given(
        definitions=(Eq(D, c / beta**power, evaluate=False), *at_beta),
        statement=f"Assumed: the KL of an update falls like 1/β to the power {power}.",
    )


def doubled_is_another() -> Derivation:
    """2β > β: a β whose KL is above the band is no fixed point of the rule. PPO-16."""
    return begin("doubled", 2 * beta).above(beta, "β is positive")


def halved_is_another() -> Derivation:
    """β/2 < β: a β whose KL is below the band is no fixed point; the others all are. PPO-16."""
    return begin("halved", beta / 2).below(beta, "β is positive")


def doubling_does_not_overshoot() -> Derivation:
    """If d(β) = c/β > 1.5 target, then d(2β) > target/1.5: not below the band. PPO-16."""
    return (
        begin("one doubling", divergence(2 * beta), falls(1, HIGH + gap))
        .rewrite(D / 2, "assumed: twice the coefficient, half the KL")
        .rewrite(terms(Rational(3, 4) * target, gap / 2), "the KL was 3/2 of the target plus a gap")
        .above(LOW, "3/4 is more than 2/3")
    )


def halving_does_not_overshoot() -> Derivation:
    """If d(β) = c/β < target/1.5, then d(β/2) < 1.5 target: not above the band. PPO-16."""
    return (
        begin("one halving", divergence(beta / 2), falls(1, LOW / (1 + gap)))
        .rewrite(2 * D, "assumed: half the coefficient, twice the KL")
        .rewrite(Rational(4, 3) * target / (1 + gap), "the KL was below 2/3 of the target")
        .below(HIGH, "4/3 is less than 3/2")
    )


def many_doublings() -> Derivation:
    """If d(β) = c/β, n doublings divide the KL by 2^n: the first that is no longer above is in.

    So the rule stops, after the smallest n with d(β)/2^n ≤ 1.5 target. PPO-16.
    """
    return (
        begin("many doublings", divergence(2**n * beta), falls(1))
        .rewrite(over(c, factors(2**n, beta)), "assumed: c/β")
        .rewrite(over(D, 2**n), "c/β is the KL at the start")
    )


def best_step() -> Derivation:
    """For a step h along a slope g, g h - β F h²/2 ≤ g²/(2 β F), reached at h = g/(β F)."""
    lost = terms(beta * curvature * step**2 / 2, -slope * step)
    return begin("best step", lost).lowest(
        -(slope**2) / (2 * beta * curvature),
        "convex: the slope β F h - g is 0 at h = g/(β F)",
        letter=step,
        at=slope / (beta * curvature),
    )


def kl_of_the_best_step() -> Derivation:
    """F h²/2 = g²/(2 β² F) at the best step: a KL that falls like 1/β², not 1/β. PPO-16."""
    best = Eq(step, slope / (beta * curvature), evaluate=False)
    given = Given(
        definitions=(best,),
        statement="Assumed: near the old policy the surrogate is linear in the step and the KL "
        "quadratic, and each update goes all the way to the best step.",
    )
    return begin("KL of the best step", curvature * step**2 / 2, given).rewrite(
        over(slope**2, factors(2, beta**2, curvature)), "h = g/(β F)"
    )


def doubling_overshoots() -> Derivation:
    """If d(β) = c/β² lies between 3/2 and 8/3 of the target, then d(2β) < target/1.5. PPO-16.

    The rule halves β then, and is back: it goes round in a circle of two.
    """
    here = (HIGH + Rational(8, 3) * target * s) / (1 + s)
    return (
        begin("one doubling, quadratic", divergence(2 * beta), falls(2, here))
        .rewrite(D / 4, "assumed: twice the coefficient, a quarter of the KL")
        .below(LOW, "a quarter of 8/3 is 2/3")
    )


RESULTS = (
    doubled_is_another,
    halved_is_another,
    doubling_does_not_overshoot,
    halving_does_not_overshoot,
    many_doublings,
    best_step,
    kl_of_the_best_step,
    doubling_overshoots,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "What is above a bound is above every lower one, what is below it below every higher one.": (
        "doubled, line 2: sign of beta",
        "halved, line 2: 1 more than the line",
        "halved, line 2: twice beta",
        "one doubling, line 4: sign of 2*d_target/3",
        "one doubling, line 4: square of 2/3",
        "one halving, line 4: 1 more than the line",
        "one halving, line 4: twice 3*d_target/2",
        "one halving, line 4: square of 3/2",
        "one doubling, quadratic, line 3: 1 more than the line",
        "one doubling, quadratic, line 3: twice 2*d_target/3",
        "one doubling, quadratic, line 3: without 2/3: 2*d_target/3",
    ),
    "The square of -u is that of u.": (
        "KL of the best step, line 2: sign of g",
        "KL of the best step, line 2: sign of beta",
    ),
}
