"""GAE is a mean of n-step advantages, with weights that fall like λ^k.

Â^(k) = Σ_{l<k} γ^l δ_{t+l} looks k tokens ahead before it trusts the value. A response ends, so
the last one gets all the weight that is left: (1-λ) λ^(k-1) for k < n, and λ^(n-1) for k = n.
Schulman et al. 2016 (arXiv 1506.02438), Eq. 11 to 16, there for responses without an end.
"""

from sympy import Eq, Function, Integer, Sum, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.gae import (
    RESPONSE,
    after,
    error,
    gae,
    gamma,
    lam,
    later,
    n,
    reward,
    t,
    value,
)
from rlhf_lab.derivations.notation import factors, terms

k = symbols("k", integer=True, positive=True)
ahead, mixture, weights = (Function(i, real=True) for i in ("ahead", "mixture", "weights"))

AHEAD = Sum(gamma**later * error(t + later), (later, 0, k - 1))
WEIGHTED = (1 - lam) * Sum(lam ** (k - 1) * ahead(k), (k, 1, n - 1)) + lam ** (n - 1) * ahead(n)
STEPS = Given(
    definitions=(*RESPONSE.definitions, Eq(ahead(k), AHEAD, evaluate=False)),
    statement="The k-step advantage is the sum of the first k TD errors, discounted.",
)
WEIGHTS = Given(
    definitions=(
        Eq(
            weights(n),
            (1 - lam) * Sum(lam ** (k - 1), (k, 1, n - 1)) + lam ** (n - 1),
            evaluate=False,
        ),
    ),
    statement="The weights of the 1-step to n-step advantages, summed.",
)
MIXED = Given(
    definitions=(*STEPS.definitions, Eq(mixture(n), WEIGHTED, evaluate=False)),
    statement="The mixture of n is the mean of the 1-step to n-step advantages.",
)


def n_step_advantage() -> Derivation:
    """Â^(k) = Σ_{l<k} γ^l r_{t+l} + γ^k V_{t+k} - V_t: k rewards, then the value. PPO-9."""
    rewards = Sum(gamma**later * reward(after(later)), (later, 0, k - 1))
    return (
        begin("k-step advantage", ahead(k), STEPS)
        .rewrite(Sum(gamma**later * error(after(later)), (later, 0, k - 1)), "its definition")
        .rewrite(terms(rewards, gamma**k * value(after(k)), -value(t)), "the values telescope")
    )


def one_more_step() -> Derivation:
    """Â^(n+1) = Â^(n) + γ^n δ_{t+n}. PPO-9."""
    return begin("one more step", ahead(n + 1), MIXED).rewrite(
        terms(ahead(n), gamma**n * error(after(n))), "the last term apart"
    )


def one_more_weight() -> Derivation:
    """The mixture of n + 1 is that of n plus λ^n (Â^(n+1) - Â^(n)). PPO-9."""
    gap = terms(ahead(n + 1), -ahead(n))
    return begin("one more weight", mixture(n + 1), MIXED).rewrite(
        terms(mixture(n), factors(lam**n, gap)), "the last weight splits in two: (1-λ) of it and λ"
    )


def one_more_error() -> Derivation:
    """The mixture of n + 1 is that of n plus (γλ)^n δ_{t+n}. PPO-9."""
    return (
        begin("one more error", mixture(n + 1), MIXED)
        .substitute(one_more_weight().end, "one more weight", by=(one_more_weight(),))
        .substitute(
            terms(mixture(n), factors(lam**n, gamma**n, error(after(n)))),
            "one more step",
            by=(one_more_step(),),
        )
    )


def weights_sum_to_one() -> Derivation:
    """(1-λ) Σ_{k<n} λ^(k-1) + λ^(n-1) = 1 for every n: so it is a mean. PPO-9."""
    statement = Eq(weights(n), 1, evaluate=False)
    base = begin("weight of one step", weights(1), WEIGHTS).rewrite(Integer(1), "all on one")
    step = (
        begin("weights of n + 1 steps", weights(n + 1), WEIGHTS)
        .rewrite(weights(n), "the last weight splits in two")
        .assume(Integer(1), "the statement for n", statement=statement)
    )
    return by_induction(statement, n, base=base, step=step, name="weights of the mean")


def mixture_is_gae() -> Derivation:
    """The mixture of n is Σ_{l<n} (γλ)^l δ_{t+l}, for every n. PPO-9.

    By induction: at n = 1 both are δ_t, and each further token adds (γλ)^n δ_{t+n} to both.
    """
    statement = Eq(mixture(n), gae(0, n - 1), evaluate=False)
    base = begin("mean of one step", mixture(1), MIXED).rewrite(error(t), "both are the TD error")
    step = (
        begin("mean of n + 1 steps", mixture(n + 1), MIXED)
        .substitute(one_more_error().end, "one more error", by=(one_more_error(),))
        .assume(
            terms(gae(0, n - 1), factors(lam**n, gamma**n, error(after(n)))),
            "the statement for n",
            statement=statement,
        )
        .rewrite(gae(0, n), "one sum")
    )
    return by_induction(statement, n, base=base, step=step, name="mixture of n steps")


def exponential_mean() -> Derivation:
    """(1-λ) Σ_{k<n} λ^(k-1) Â^(k) + λ^(n-1) Â^(n) = Σ_{l<n} (γλ)^l δ_{t+l}. PPO-9."""
    return (
        begin("GAE as a mean", WEIGHTED, MIXED)
        .rewrite(mixture(n), "call it the mixture")
        .substitute(gae(0, n - 1), "by induction over n", by=(mixture_is_gae(),))
    )


RESULTS = (
    n_step_advantage,
    weights_sum_to_one,
    one_more_step,
    one_more_weight,
    one_more_error,
    mixture_is_gae,
    exponential_mean,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1 is 1².": (
        "one more weight, line 2: square of 1",
        "one more error, line 2: square of 1",
    ),
    "λγ is γλ.": ("one more error, line 3: gamma and lambda exchanged",),
}
