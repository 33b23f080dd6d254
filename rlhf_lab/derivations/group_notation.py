"""The letters of the derivations on GRPO: one prompt, a group of G responses, their rewards."""

from dataclasses import replace

from sympy import Eq, Expr, Function, Symbol, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.groups import Mean, Std
from rlhf_lab.derivations.notation import over, terms

G, i, j, right, wrong = symbols("G i j k w", integer=True, positive=True)
n, c, d = symbols("n c d", positive=True)
b = Symbol("b", real=True)
epsilon = Symbol("epsilon", nonnegative=True)
rewards = Function("rewards", real=True)

GROUP = Given(
    ranges=((i, 1, G), (j, 1, G)),
    statement="One prompt with G ≥ 2 responses of rewards r_1 to r_G; n is G - 1 or G, and "
    "ε ≥ 0 is added to the std. Where that leaves nothing to divide by, for equal rewards and "
    "ε = 0, an advantage has no value.",
)
UNEQUAL = replace(GROUP, statement="One prompt with G responses whose rewards are not all equal.")
ALL_EQUAL = replace(
    GROUP,
    definitions=(Eq(rewards(j), b, evaluate=False),),
    statement="Every response of the group has the reward b, and ε is above 0.",
)
mu, variance = symbols("mu variance", real=True)
TWO_KINDS = Given(
    definitions=(
        Eq(mu, (right * (b + d) + wrong * b) / (right + wrong), evaluate=False),
        Eq(variance, (right * (b + d - mu) ** 2 + wrong * (b - mu) ** 2) / n, evaluate=False),
    ),
    statement="k responses are right and get b + d, w are wrong and get b, with d above 0. "
    "The variance is the square of the std.",
)


def mean(reward: Expr) -> Mean:
    """mean_j reward(j) of the group."""
    return Mean(reward, j, G)


def std(reward: Expr) -> Std:
    """std_j reward(j) of the group."""
    return Std(reward, j, G, n)


CENTRED = terms(rewards(i), -mean(rewards(j)))
ADVANTAGE = over(CENTRED, terms(std(rewards(j)), epsilon))
WITHOUT_EPSILON = over(CENTRED, std(rewards(j)))
