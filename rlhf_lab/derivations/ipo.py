"""IPO beside DPO, on one pair of which the first response wins a share p of all comparisons.

h = log π/ref (first) - log π/ref (second), in nats. DPO's loss is -log σ(β h) for a win and
-log σ(-β h) for a defeat, IPO's (h - 1/(2τ))² and (h + 1/(2τ))².
Azar et al. 2023, "A General Theoretical Paradigm to Understand Learning from Human Preferences"
(arXiv 2310.12036), section 4.2 and Eq. 17.
"""

from sympy import Integer, Symbol, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import beta, factors, over, terms

h, p = Symbol("h", real=True), Symbol("p", real=True)
tau = Symbol("tau", positive=True)
SHARE = Given(
    statement="One pair, compared again and again: the first response wins the share p of the "
    "comparisons. The policy is free to give the pair any h."
)
ALWAYS = Given(statement="One pair, of which the first response wins every comparison.")


def margin_of_ipo() -> Derivation:
    """p (h - 1/(2τ))² + (1 - p)(h + 1/(2τ))² is smallest at h = (2p - 1)/(2τ), for p = 1 too."""
    target = 1 / (2 * tau)
    lost = factors(terms(1, -p), (h + target) ** 2)
    return begin("margin of IPO", terms(factors(p, (h - target) ** 2), lost), SHARE).lowest(
        over(p * (1 - p), tau**2),
        "convex: the second derivative is 2; the slope is 0 at h = (2p - 1)/(2τ)",
        letter=h,
        at=over(2 * p - 1, 2 * tau),
    )


def dpo_without_noise() -> Derivation:
    """The slope of -log σ(β h) along h is below 0 at every h: where p = 1, DPO has no end."""
    return (
        begin("DPO without noise", -log(Sigmoid(beta * h)), ALWAYS)
        .differentiate(h, "the chain rule", factors(-1, beta, Sigmoid(-beta * h)))
        .below(Integer(0), "both factors are positive")
    )


RESULTS = (margin_of_ipo, dpo_without_noise)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1 is 1².": ("margin of IPO, line 2: square of 1",),
    "What is below 0 is below 1.": ("DPO without noise, line 3: 1 more than the line",),
}
