"""Mistakes that people make, each beside the right step: one is taken, the other refused.

None of these comes from altering a line by rule: they are slips seen in courses, papers and code
about these algorithms, written down one by one.
"""

from dataclasses import dataclass

import pytest
from sympy import (
    Derivative,
    Expr,
    Function,
    Integer,
    Min,
    Product,
    Rational,
    Sum,
    exp,
    log,
    symbols,
)

from rlhf_lab.derivations.checker.extremes import Clip
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.probability import KL, Expectation, Sigmoid
from rlhf_lab.derivations.derivation import begin

N, M, G, K, T, n = symbols("N M G K T n", integer=True, positive=True)
y, u, a, i, j, m = symbols("y u a i j m", integer=True, positive=True)
l_ = symbols("l", integer=True, nonnegative=True)
theta, b, z, c = symbols("theta b z c", real=True)
beta, gamma, lam, eps, A, s, t = symbols("beta gamma lambda epsilon A s t", positive=True)
p, q = Function("p", positive=True), Function("q", positive=True)
pi, ref, first = (Function(name, positive=True) for name in ("pi", "ref", "first"))
token = Function("token", positive=True)
r, V, x, delta = (Function(name, real=True) for name in ("r", "V", "x", "delta"))

TWO = Given(ranges=((y, 1, N), (u, 1, N)), distributions=(p(y), q(y)))
POLICY = Given(ranges=((y, 1, N), (u, 1, N)), distributions=(pi(y, theta), ref(y)))
STATES = Given(ranges=((y, 1, N), (a, 1, M)), distributions=(first(y), token(a, y, theta)))
FREE = Given()


def over_y(body: Expr) -> Sum:
    return Sum(body, (y, 1, N))


def slope(probability: Expr) -> Expr:
    return Derivative(probability, theta)


P, R = pi(y, theta), ref(y)
SCORE = slope(log(P))
LOG_RATIO = log(P / R)
TO_REF = KL(P, R, y, N)
MEAN = Sum(r(j), (j, 1, G)) / G
SQUARES = Sum((r(j) - MEAN) ** 2, (j, 1, G))


@dataclass(frozen=True)
class Slip:
    """A quantity, its right form, and the wrong one."""

    name: str
    given: Given
    start: Expr
    right: Expr
    wrong: Expr


SLIPS = [
    # --- policy gradient
    Slip("the gradient moves inside as a mean of slopes of the reward", POLICY,
         slope(over_y(P * r(y))), over_y(P * SCORE * r(y)), over_y(P * slope(r(y)))),
    Slip("the probability is counted twice", POLICY,
         slope(over_y(P * r(y))), over_y(P * SCORE * r(y)), over_y(P * slope(P) * r(y))),
    Slip("the score's mean is one", POLICY, over_y(P * SCORE), Integer(0), Integer(1)),
    Slip("the score's mean under another policy is zero", POLICY,
         over_y(R * SCORE), over_y(R * slope(P) / P), Integer(0)),
    Slip("a baseline that depends on the response is free", POLICY,
         over_y(P * SCORE * (r(y) - b)), over_y(P * SCORE * r(y)),
         over_y(P * SCORE * (r(y) - x(y)))),
    Slip("the score of a token averages out over states instead of tokens", STATES,
         Sum(token(a, y, theta) * slope(log(token(a, y, theta))), (a, 1, M)), Integer(0),
         over_y(first(y) * slope(log(token(a, y, theta))))),
    Slip("probabilities of tokens are added", FREE,
         log(Product(q(j), (j, 1, T))), Sum(log(q(j)), (j, 1, T)), log(Sum(q(j), (j, 1, T)))),
    Slip("the log of a response is a mean over its tokens", FREE,
         log(Product(q(j), (j, 1, T))), Sum(log(q(j)), (j, 1, T)), Sum(log(q(j)), (j, 1, T)) / T),
    Slip("variance without the square of the mean", TWO,
         over_y(p(y) * (x(y) - over_y(p(y) * x(y))) ** 2),
         over_y(p(y) * x(y) ** 2) - over_y(p(y) * x(y)) ** 2, over_y(p(y) * x(y) ** 2)),
    Slip("the mean of a product is the product of the means", TWO,
         over_y(p(y) * x(y) * r(y)), over_y(r(y) * p(y) * x(y)),
         over_y(p(y) * x(y)) * over_y(p(y) * r(y))),
    # --- KL
    Slip("KL is symmetric", TWO, KL(p(y), q(y), y, N),
         over_y(p(y) * (log(p(y)) - log(q(y)))), KL(q(y), p(y), y, N)),
    Slip("the ratio is upside down", TWO, KL(p(y), q(y), y, N),
         -over_y(p(y) * log(q(y) / p(y))), over_y(p(y) * log(q(y) / p(y)))),
    Slip("samples from the wrong side", TWO, KL(p(y), q(y), y, N),
         Expectation(log(p(y) / q(y)), p(y), y, N), Expectation(log(p(y) / q(y)), q(y), y, N)),
    Slip("a mean over the action set", TWO, KL(p(y), q(y), y, N),
         Expectation(log(p(y) / q(y)), p(y), y, N), over_y(log(p(y) / q(y))) / N),
    Slip("KL without the entropy", TWO, KL(p(y), q(y), y, N),
         over_y(p(y) * log(p(y))) - over_y(p(y) * log(q(y))), -over_y(p(y) * log(q(y)))),
    Slip("entropy with the wrong sign", TWO, KL(p(y), q(y), y, N),
         over_y(p(y) * log(p(y))) - over_y(p(y) * log(q(y))),
         -over_y(p(y) * log(p(y))) - over_y(p(y) * log(q(y)))),
    Slip("k3 without its minus one", TWO,
         over_y(p(y) * (q(y) / p(y) - 1 + log(p(y) / q(y)))), KL(p(y), q(y), y, N),
         over_y(p(y) * (q(y) / p(y) + log(p(y) / q(y))))),
    Slip("k3 with the ratio reversed is still the KL", TWO,
         over_y(p(y) * (p(y) / q(y) - 1 - log(p(y) / q(y)))),
         over_y(p(y) ** 2 / q(y)) - 1 - KL(p(y), q(y), y, N), KL(p(y), q(y), y, N)),
    Slip("k2's mean is the KL", TWO, over_y(p(y) * log(p(y) / q(y)) ** 2) / 2,
         over_y(p(y) * log(q(y) / p(y)) ** 2) / 2, KL(p(y), q(y), y, N)),
    Slip("k2 without the half", TWO, over_y(p(y) * log(p(y) / q(y)) ** 2) / 2,
         over_y(p(y) * log(q(y) / p(y)) ** 2) / 2, over_y(p(y) * log(p(y) / q(y)) ** 2)),
    Slip("k1 as a loss gives the KL's gradient", POLICY,
         over_y(P * slope(LOG_RATIO)), Integer(0), slope(TO_REF)),
    Slip("k2 as a loss gives the reverse KL's gradient", POLICY,
         over_y(P * slope(LOG_RATIO**2 / 2)), slope(TO_REF), slope(KL(R, P, y, N))),
    Slip("k3 as a loss gives the KL's gradient", POLICY,
         over_y(P * slope(R / P - 1 + LOG_RATIO)), slope(KL(R, P, y, N)), slope(TO_REF)),
    Slip("the KL's gradient needs a further score term", POLICY,
         slope(TO_REF), over_y(P * SCORE * LOG_RATIO), over_y(P * SCORE * (LOG_RATIO + P))),
    Slip("the KL of a chain is that of its last step", STATES,
         over_y(Sum(first(y) * token(a, y, theta) * log(first(y) * token(a, y, theta)), (a, 1, M))),
         over_y(first(y) * log(first(y)))
         + over_y(first(y) * Sum(token(a, y, theta) * log(token(a, y, theta)), (a, 1, M))),
         over_y(first(y) * Sum(token(a, y, theta) * log(token(a, y, theta)), (a, 1, M)))),
    Slip("a chain's token term is not weighted by its prefix", STATES,
         over_y(Sum(first(y) * token(a, y, theta) * log(token(a, y, theta)), (a, 1, M))),
         over_y(first(y) * Sum(token(a, y, theta) * log(token(a, y, theta)), (a, 1, M))),
         over_y(Sum(token(a, y, theta) * log(token(a, y, theta)), (a, 1, M)))),
    # --- the objective of RLHF
    Slip("the penalty loses its beta", POLICY,
         Expectation(r(y) - beta * LOG_RATIO, P, y, N),
         Expectation(r(y), P, y, N) - beta * TO_REF, Expectation(r(y), P, y, N) - TO_REF),
    Slip("the penalty becomes a bonus", POLICY,
         Expectation(r(y) - beta * LOG_RATIO, P, y, N),
         Expectation(r(y), P, y, N) - beta * TO_REF, Expectation(r(y), P, y, N) + beta * TO_REF),
    Slip("the reward is averaged under the reference", POLICY,
         Expectation(r(y) - beta * LOG_RATIO, P, y, N),
         Expectation(r(y), P, y, N) - beta * TO_REF, Expectation(r(y), R, y, N) - beta * TO_REF),
    Slip("the log of a sum of exponentials is the sum", TWO,
         log(over_y(q(y) * exp(r(y) / beta))), log(over_y(exp(r(y) / beta) * q(y))),
         over_y(q(y) * r(y) / beta)),
    Slip("beta on the wrong side of the exponent", FREE,
         exp(r(y) / beta) ** beta, exp(r(y)), exp(beta * r(y))),
    # --- preferences
    Slip("the loser's exponential on top", FREE,
         exp(r(y)) / (exp(r(y)) + exp(r(u))), Sigmoid(r(y) - r(u)), Sigmoid(r(u) - r(y))),
    Slip("the sigmoid of a sum", FREE,
         exp(r(y)) / (exp(r(y)) + exp(r(u))), Sigmoid(r(y) - r(u)), Sigmoid(r(y) + r(u))),
    Slip("a softmax without its denominator", FREE,
         exp(r(y)) / (exp(r(y)) + exp(r(u))), Sigmoid(r(y) - r(u)), exp(r(y) - r(u))),
    Slip("the log of the sigmoid is linear", FREE,
         log(Sigmoid(z)), -log(1 + exp(-z)), z - log(2) - Integer(1)),
    Slip("log σ(-z) is -log σ(z)", FREE, log(Sigmoid(-z)), log(Sigmoid(z)) - z, -log(Sigmoid(z))),
    Slip("the sigmoid's slope is σ squared", FREE,
         Derivative(Sigmoid(z), z), Sigmoid(z) * Sigmoid(-z), Sigmoid(z) ** 2),
    Slip("ordered pairs are counted", FREE,
         Sum(Sum(1, (j, i + 1, K)), (i, 1, K)), K * (K - 1) / 2, K * (K - 1)),
    Slip("a response is paired with itself", FREE,
         Sum(Sum(1, (j, i + 1, K)), (i, 1, K)), K * (K - 1) / 2, K * (K + 1) / 2),
    Slip("Plackett-Luce with all responses in each denominator", FREE,
         Product(exp(r(i)) / Sum(exp(r(j)), (j, i, 2)), (i, 1, 2)), Sigmoid(r(1) - r(2)),
         Product(exp(r(i)) / Sum(exp(r(j)), (j, 1, 2)), (i, 1, 2))),
    # --- PPO
    Slip("the ratio's slope is the score without the ratio", POLICY,
         slope(P / R), P / R * SCORE, SCORE),
    Slip("the clip is ignored above, A > 0", FREE,
         Min((1 + eps + t) * A, Clip(1 + eps + t, 1 - eps, 1 + eps) * A), (1 + eps) * A,
         (1 + eps + t) * A),
    Slip("clipped below too, A > 0", FREE,
         Min((1 - eps - t) * A, Clip(1 - eps - t, 1 - eps, 1 + eps) * A), (1 - eps - t) * A,
         (1 - eps) * A),
    Slip("clipped above, A < 0", FREE,
         Min(-(1 + eps + t) * A, -Clip(1 + eps + t, 1 - eps, 1 + eps) * A), -(1 + eps + t) * A,
         -(1 + eps) * A),
    Slip("not clipped below, A < 0", FREE,
         Min(-(1 - eps - t) * A, -Clip(1 - eps - t, 1 - eps, 1 + eps) * A), -(1 - eps) * A,
         -(1 - eps - t) * A),
    Slip("the advantage is missing from the clipped term", FREE,
         Min((1 + eps + t) * A, Clip(1 + eps + t, 1 - eps, 1 + eps) * A), (1 + eps) * A,
         Min((1 + eps + t) * A, Clip(1 + eps + t, 1 - eps, 1 + eps))),
    # --- advantages
    Slip("GAE without gamma in its recursion", FREE,
         Sum((gamma * lam) ** l_ * delta(l_), (l_, 0, n)),
         delta(0) + gamma * lam * Sum((gamma * lam) ** l_ * delta(l_ + 1), (l_, 0, n - 1)),
         delta(0) + lam * Sum((gamma * lam) ** l_ * delta(l_ + 1), (l_, 0, n - 1))),
    Slip("GAE is the same error at each step", FREE,
         Sum((gamma * lam) ** l_ * delta(l_), (l_, 0, n)),
         delta(0) + gamma * lam * Sum((gamma * lam) ** l_ * delta(l_ + 1), (l_, 0, n - 1)),
         delta(0) * Sum((gamma * lam) ** l_, (l_, 0, n))),
    Slip("the last value is forgotten in the telescope", FREE,
         Sum(gamma**l_ * (gamma * V(l_ + 1) - V(l_)), (l_, 0, n - 1)), gamma**n * V(n) - V(0),
         -V(0)),
    Slip("the telescope is not discounted", FREE,
         Sum(gamma**l_ * (gamma * V(l_ + 1) - V(l_)), (l_, 0, n - 1)), gamma**n * V(n) - V(0),
         V(n) - V(0)),
    Slip("the sum runs one step too far", FREE,
         Sum(x(l_), (l_, 0, n - 1)), Sum(x(i - 1), (i, 1, n)), Sum(x(l_), (l_, 0, n))),
    # --- groups
    Slip("a group's advantages sum to its size", FREE,
         Sum(r(i) - MEAN, (i, 1, G)), Integer(0), G),
    Slip("leave-one-out is the group mean", FREE,
         r(i) - (Sum(r(j), (j, 1, G + 1)) - r(i)) / G,
         (G + 1) / G * (r(i) - Sum(r(j), (j, 1, G + 1)) / (G + 1)),
         r(i) - Sum(r(j), (j, 1, G + 1)) / (G + 1)),
    Slip("squares of a group without the mean's share", FREE,
         SQUARES, Sum(r(j) ** 2, (j, 1, G)) - G * MEAN**2, Sum(r(j) ** 2, (j, 1, G)) - MEAN**2),
    Slip("the mean of squares is the square of the mean", FREE,
         Sum(r(j) ** 2, (j, 1, G)) / G, SQUARES / G + MEAN**2, MEAN**2),
    Slip("an own sample leaves no trace in the mean", FREE,
         (1 - Rational(1, 4)) * c, c - c / 4, c),
    # --- best of n
    Slip("the best's density without n", FREE,
         Derivative(s**n, s), n * s ** (n - 1), s ** (n - 1)),
    Slip("the log of n goes missing", FREE,
         log(n * s ** (n - 1)), log(n) + (n - 1) * log(s), (n - 1) * log(s)),
]  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_the_right_step_is_taken(slip):
    line = begin("step", slip.start, slip.given).rewrite(slip.right, "the right form").lines[-1]
    assert line.evidence.kind in {"proved", "by definition"}


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_the_wrong_step_is_refused_with_a_point_and_both_values(slip):
    with pytest.raises(DerivationError, match="the two sides differ") as refusal:
        begin("step", slip.start, slip.given).rewrite(slip.wrong, slip.name)
    assert refusal.value.point or not slip.start.free_symbols
    assert refusal.value.left != refusal.value.right
