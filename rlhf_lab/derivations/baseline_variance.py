"""What one baseline for all responses does to the policy gradient: variance changes, the mean not.

One sampled response y gives the estimate (r(y) - b) g(y), where g(y) = ∂ log π(y) is its score.
Williams 1992; any number b, any number of responses. Which b is best: see `best_baseline`.
"""

from sympy import Symbol

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, reward, terms, y
from rlhf_lab.derivations.policy_gradient import GRADIENT, RESPONSES, SCORE, mean

ADVANTAGE = terms(reward(y), -Symbol("b", real=True))


def constant_baseline() -> Derivation:
    """E_π[(r - b) ∂ log π] = ∂ E_π[r] for any number b. PPO-1."""
    return (
        begin("constant baseline", mean(factors(ADVANTAGE, SCORE)), RESPONSES)
        .rewrite(mean(factors(reward(y), SCORE)), "b is the same for every y, the mean score is 0")
        .rewrite(GRADIENT, "the policy gradient")
    )


def variance() -> Derivation:
    """Var[(r - b) g] = E[(r - b)² g²] - (∂ E[r])²: only the first term knows b. PPO-1.

    For one parameter; the variance of a gradient is the sum over its parameters.
    """
    second = mean(factors(ADVANTAGE**2, SCORE**2))
    return begin(
        "variance with a baseline",
        terms(second, -(mean(factors(ADVANTAGE, SCORE)) ** 2)),
        RESPONSES,
        "the mean of the square, less the square of the mean",
    ).rewrite(terms(second, -(GRADIENT**2)), "the mean is the policy gradient, whatever b is")


RESULTS = (constant_baseline, variance)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "constant baseline, line 2: twice policy(y, theta)",
        "variance with a baseline, line 2: twice policy(y, theta)",
    ),
    "Only the square counts.": (
        "variance with a baseline, line 2: sign of -b + reward(y)",
        "variance with a baseline, line 2: sign of Derivative(log(policy(y, theta)), theta)",
        "variance with a baseline, line 2: sign of log(policy(y, theta))",
        "variance with a baseline, line 2: sign of E[y ~ policy(y, theta)](reward(y))",
        "variance with a baseline, line 2: sign of reward(y), place 2",
        "variance with a baseline, line 2: sign of policy(y, theta), place 3",
    ),
}
