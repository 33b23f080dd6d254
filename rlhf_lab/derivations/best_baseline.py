"""The baseline that makes the variance of the policy gradient smallest: not the mean reward.

The variance of (r(y) - b) g(y), g the score, is M(b) = E[‖g‖² (r - b)²] less a term without b
(see `baseline_variance`). Any number of responses, any number of parameters.
Greensmith, Bartlett and Baxter 2004, "Variance reduction techniques for gradient estimates in
reinforcement learning", weigh with the squared score as well. Where rewards are averaged along one
long trajectory, the best constant is the mean reward: Weaver and Tao 2001, "The optimal reward
baseline for gradient-based reinforcement learning".
"""

from sympy import Eq, Expr, Function, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, factors, over, policy, reward, terms, y

b, best, average = symbols("b best average", real=True)
size = Function("size", positive=True)


def of(body: Expr) -> Expectation:
    """The mean over responses, at one set of parameters."""
    return Expectation(body, policy(y), y, N)


MEAN_SIZE = of(size(y))
COVARIANCE = of(factors(size(y), terms(reward(y), -average)))
SCORES = Given(
    ranges=((y, 1, N),),
    definitions=(
        Eq(best, over(of(factors(size(y), reward(y))), MEAN_SIZE), evaluate=False),
        Eq(average, of(reward(y)), evaluate=False),
    ),
    distributions=(policy(y),),
    statement="‖g(y)‖² is the squared length of the score of y, over all parameters; it is above 0 "
    "for every response, as in a table of logits. b* is the mean reward weighted with it, r̄ the "
    "plain mean.",
)


def second_moment(baseline: Expr) -> Expectation:
    """M(b) = E[‖g‖² (r - b)²], summed over all parameters."""
    return of(factors(size(y), terms(reward(y), -baseline) ** 2))


def completed_square() -> Derivation:
    """M(b) = M(b*) + E[‖g‖²] (b - b*)²: exactly, for every b. PPO-1."""
    return begin("second moment with a baseline", second_moment(b), SCORES).rewrite(
        terms(second_moment(best), factors(MEAN_SIZE, terms(b, -best) ** 2)),
        "r - b = (r - b*) - (b - b*), squared; r - b* has the weighted mean 0, as b* was chosen",
    )


def best_baseline() -> Derivation:
    """M(b) ≥ M(b*), and equal at b = b* = E[‖g‖² r] / E[‖g‖²] only. PPO-1."""
    return begin("best baseline", second_moment(b), SCORES).lowest(
        second_moment(best),
        "convex in b: twice the mean squared length is its second slope; the slope is 0 at b*",
        letter=b,
        at=best,
    )


def mean_reward_is_not_best() -> Derivation:
    """b* - E[r] = Cov(‖g‖², r) / E[‖g‖²]: the mean reward is best only without covariance. PPO-1.

    In general it is not 0: in a table of logits rare responses have long scores.
    """
    return begin("from mean reward to best baseline", terms(best, -average), SCORES).rewrite(
        over(COVARIANCE, MEAN_SIZE),
        "the definition of b*, with one denominator; above it stands a covariance, as r - r̄ has "
        "the mean 0",
    )


def cost_of_the_mean_reward() -> Derivation:
    """M(E[r]) = M(b*) + Cov(‖g‖², r)² / E[‖g‖²]: what the usual baseline costs. PPO-1."""
    return (
        begin("cost of the mean reward", second_moment(average), SCORES)
        .rewrite(
            terms(second_moment(best), factors(MEAN_SIZE, terms(best, -average) ** 2)),
            "the completed square, at b = r̄",
        )
        .rewrite(
            terms(second_moment(best), over(COVARIANCE**2, MEAN_SIZE)),
            "from mean reward to best baseline",
        )
    )


RESULTS = (completed_square, best_baseline, mean_reward_is_not_best, cost_of_the_mean_reward)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "Only the square counts.": (
        "second moment with a baseline, line 2: sign of -best + reward(y)",
        "second moment with a baseline, line 2: sign of b - best",
        "best baseline, line 2: sign of -best + reward(y)",
        "cost of the mean reward, line 2: sign of -best + reward(y)",
        "cost of the mean reward, line 2: sign of -average + best",
        "cost of the mean reward, line 3: sign of -best + reward(y)",
        "cost of the mean reward, line 3: sign of E[y ~ policy(y)]((-average + reward(y))*size(y))",
        "cost of the mean reward, line 3: sign of (-average + reward(y))*size(y)",
        "cost of the mean reward, line 3: sign of size(y), place 2",
        "cost of the mean reward, line 3: sign of -average + reward(y)",
        "cost of the mean reward, line 3: sign of policy(y), place 2",
    ),
    "Only the product of π and ‖g‖² stands there, and their order does not matter.": (
        "second moment with a baseline, line 2: policy and size exchanged",
        "best baseline, line 2: policy and size exchanged",
        "from mean reward to best baseline, line 2: policy and size exchanged",
        "cost of the mean reward, line 2: policy and size exchanged",
        "cost of the mean reward, line 3: policy and size exchanged",
    ),
    "r - b* has the weighted mean 0, so what is left is M(r̄).": (
        "cost of the mean reward, line 3: average and best exchanged",
    ),
}
