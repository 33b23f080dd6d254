"""The prover alone, without random worlds: what it proves is true, what is false it leaves."""

import pytest
from sympy import Derivative, Integer, Product, Sum, exp, log, sqrt, symbols

from rlhf_lab.derivations.checker.canonical import is_zero
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.probability import KL, Sigmoid
from rlhf_lab.derivations.checker.signs import sign
from rlhf_lab.derivations.notation import (
    ONE_PAIR,
    ONE_PROMPT,
    N,
    beta,
    optimal,
    policy,
    reference,
    reward,
    t,
    theta,
    y,
    y_w,
    z,
)

a, b = symbols("a b", real=True)
RESPONSES = (y, 1, N)


@pytest.mark.parametrize(
    ("left", "right", "given"),
    [
        (Sum(1, RESPONSES), N, ONE_PROMPT),
        (Sum(policy(y) * t, RESPONSES), t, ONE_PROMPT),
        (Sum(Derivative(policy(y, theta), theta), RESPONSES), 0, ONE_PAIR),
        (Derivative(log(Product(policy(y, theta), RESPONSES)), theta),
         Sum(Derivative(log(policy(y, theta)), theta), RESPONSES), ONE_PAIR),
        (Sum(optimal(y), RESPONSES), 1, ONE_PROMPT),
        (KL(policy(y), policy(y), y, N), 0, ONE_PROMPT),
        (Sum(reward(y) + 1, RESPONSES) - Sum(reward(y_w), (y_w, 1, N)), N, ONE_PROMPT),
        (log(Product(exp(reward(y)), RESPONSES)), Sum(reward(y), RESPONSES), ONE_PROMPT),
        (log(exp(a) + exp(b)), a + log(1 + exp(b - a)), Given()),
        (exp(a / 2) ** 2 * sqrt(t) ** 2, t * exp(a), Given()),
        (Sigmoid(z) * (1 + exp(-z)), 1, Given()),
        (Sum(reward(y), (y, N, N)), reward(N), ONE_PROMPT),
        (Sum(reward(y), (y, N + 1, N)), 0, ONE_PROMPT),
        (Sum(policy(y) / (policy(y) + t), RESPONSES), N - t * Sum(1 / (policy(y) + t), RESPONSES),
         ONE_PROMPT),
    ],
)  # fmt: skip
def test_true_equalities_are_proved_and_near_misses_are_not(left, right, given):
    right = Integer(0) + right
    assert is_zero(unfolded(left - right, given), given)
    for wrong in (right + 1, 2 * right - 2 * left + right - t * (left + 1), right + t * beta):
        assert not is_zero(unfolded(left - wrong, given), given)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (log(a * b), log(a) + log(b)),
        (log(a**2), 2 * log(a)),
        (sqrt(a**2), a),
        (Sum(reward(y), RESPONSES), N * reward(y)),
        (Sum(policy(y) ** 2, RESPONSES), Integer(1)),
        (Sum(policy(y), (y, 1, N + 1)), Integer(1)),
        (Sum(reward(y), RESPONSES) ** 2, Sum(reward(y) ** 2, RESPONSES)),
        (Sum(policy(y) * reward(y), RESPONSES), Sum(reward(y), RESPONSES)),
        (exp(a * b), exp(a) * exp(b)),
        (Sum(policy(y, reward(y)), RESPONSES), Integer(1)),
        (Sum(Derivative(policy(y, t * y), t), RESPONSES), Integer(0)),
    ],
)
def test_false_rules_of_algebra_are_not_proved(left, right):
    assert not is_zero(left - right, ONE_PROMPT)


def test_signs_are_proved_or_left_open():
    assert sign(exp(a) + reference(y)) == 1
    assert sign(-exp(a) * t) == -1
    assert sign(Sum(reference(y) * exp(reward(y)), RESPONSES)) == 1
    assert sign(Sum(-reference(y), RESPONSES)) == -1
    assert sign(t + Sum(reference(y), (y, N + 1, y_w))) == 1
    assert sign(-t - beta * Sum(reference(y), (y, N + 1, y_w))) == -1
    assert sign((t + beta) ** N - t**N) == 1
    assert sign(t**N - (t + beta) ** N) == -1
    for unknown in (
        Sum(reference(y), (y, N + 1, y_w)) + Sum(reference(y), (y, N, y_w)),
        t - Sum(reference(y), (y, N + 1, y_w)),
        t + Sum(reward(y), (y, N + 1, y_w)),
        (t + a) ** N - t**N,
        (t + beta) ** a - t**a,
        (t + beta) ** N - t ** (N + 1),
        (a + beta) ** 2 - a**2,
        a - b,
    ):
        assert sign(unknown) is None
    for unknown in (a, a**2, exp(a) - t, Sum(reward(y), RESPONSES), Sum(t, (y, 1, N - 1))):
        assert sign(unknown) is None
