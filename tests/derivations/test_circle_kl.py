"""The circle for the KL: what is derived is what `kl` computes, and its gradients are autograd's.

Every expectation is exact: a softmax of five logits, all outcomes enumerated. The one parameter θ
of a derivation moves the logits along a direction.
"""

from functools import cache
from itertools import product

import pytest
import torch
from derived_numbers import close, table
from derived_numbers import value as value_of

from rlhf_lab.derivations import fisher, kl_estimators, kl_gradients, kl_variances
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.fisher_k2 import curvature_of_k2
from rlhf_lab.derivations.gibbs import p, q
from rlhf_lab.derivations.notation import N, policy, reference, theta
from rlhf_lab.derivations.surrogate import K, s, theta_old
from rlhf_lab.derivations.token_sums import (
    LAST_MEAN,
    NEXT_MEAN,
    TOKENS,
    A,
    expected,
    n,
    p_next,
    q_next,
    then,
)
from rlhf_lab.derivations.two_stages import S, two_stages
from rlhf_lab.kl import exact_kl, k1, k2, k3

mpf = ARITHMETIC.mpf
OUTCOMES, STATE, THETA, THETA_OLD = 5, 1, 0.0, 1.0
GENERATOR = torch.Generator().manual_seed(0)
START, TARGET, DIRECTION = torch.randn(3, OUTCOMES, generator=GENERATOR, dtype=torch.float64)
REFERENCE = TARGET.log_softmax(0)


def logprobs(step):
    """log π_θ of all outcomes, θ = step."""
    return (START + step * DIRECTION).log_softmax(0)


def slopes(step):
    """∂π/∂θ of all outcomes, by autograd."""
    return torch.func.jacrev(lambda at: logprobs(at).exp())(torch.tensor(step).double())


built = cache(lambda make: make())


def value(make, known):
    """The value of the last line of a derivation where letters and tables have these values."""
    return value_of(built(make).end, built(make).given, known)


def mean(estimator):
    """The mean of an estimator of the package over all outcomes of the policy."""
    return (logprobs(0).exp() * estimator).sum()


FIXED = {(N,): OUTCOMES, **table(policy, logprobs(0).exp()), **table(reference, REFERENCE.exp())}
SAMPLES = (logprobs(0), REFERENCE)


@pytest.mark.parametrize(
    ("make", "coded"),
    [
        (kl_estimators.k1_mean, lambda: mean(k1(*SAMPLES))),
        (kl_estimators.k2_mean, lambda: mean(k2(*SAMPLES))),
        (kl_estimators.k3_mean, lambda: mean(k3(*SAMPLES))),
        (kl_estimators.k3_mean, lambda: exact_kl(START, TARGET)),
        (kl_estimators.k2_bias, lambda: mean(k2(*SAMPLES)) - exact_kl(START, TARGET)),
        (kl_estimators.reversed_k1_mean, lambda: mean(k1(*SAMPLES[::-1]))),
        (kl_estimators.reversed_k3_mean, lambda: mean(k3(*SAMPLES[::-1]))),
        (kl_variances.k1_variance, lambda: variance(k1(*SAMPLES))),
        (kl_variances.k3_second_moment, lambda: mean(k3(*SAMPLES) ** 2)),
        (kl_variances.k3_variance, lambda: variance(k3(*SAMPLES))),
    ],
)
def test_derived_means_and_variances_are_those_of_the_packages_estimators(make, coded):
    close(value(make, FIXED), coded())


def variance(estimator):
    return mean((estimator - mean(estimator)) ** 2)


def test_the_derived_bound_of_k3_holds_for_every_sample_of_the_package():
    assert built(kl_estimators.k3_is_never_negative).sign == "≥"
    assert (k3(*SAMPLES) >= 0).all()


MOVING = {(N,): OUTCOMES, (theta,): THETA, **table(reference, REFERENCE.exp())}
MOVING |= table(policy, logprobs(THETA).exp(), mpf(THETA))
MOVING |= table(policy, slopes(THETA), mpf(THETA), theta)


def slope(loss):
    """The slope of a loss of log-probs along θ, by autograd."""
    return torch.func.grad(lambda step: loss(logprobs(step)))(torch.tensor(THETA).double())


@pytest.mark.parametrize(
    ("make", "estimator"),
    [
        (kl_gradients.k1_as_loss, k1),
        (kl_gradients.k2_as_loss, k2),
        (kl_gradients.k3_as_loss, k3),
    ],
)
def test_derived_gradients_of_the_losses_are_autograds(make, estimator):
    """The samples' weights are fixed: only the estimator is differentiated."""
    fixed = logprobs(THETA).exp()
    derived = value(make, MOVING)
    close(derived, slope(lambda own: (fixed * estimator(own, REFERENCE)).sum()))


@pytest.mark.parametrize(
    ("make", "divergence"),
    [
        (kl_gradients.k1_in_the_reward, lambda own: exact_kl(own, REFERENCE)),
        (kl_gradients.k2_as_loss, lambda own: exact_kl(own, REFERENCE)),
        (kl_gradients.k3_as_loss, lambda own: exact_kl(REFERENCE, own)),
    ],
)
def test_derived_gradients_of_the_kl_are_autograds(make, divergence):
    close(value(make, MOVING), slope(divergence))


def curvature(divergence):
    """The second derivative along θ where the two policies are one, by autograd."""
    old = logprobs(THETA_OLD)
    first = torch.func.grad(lambda step: divergence(logprobs(step), old))
    return torch.func.grad(first)(torch.tensor(THETA_OLD).double())


@pytest.mark.parametrize(
    ("make", "divergence"),
    [
        (fisher.curvature_to_old, exact_kl),
        (fisher.curvature_from_old, lambda new, old: exact_kl(old, new)),
        (curvature_of_k2, lambda new, old: (new.exp() * k2(new, old)).sum()),
    ],
)
def test_the_derived_fisher_information_is_autograds_second_derivative(make, divergence):
    """The old policy is at θ = 1, so a term that only vanishes at 0 would show."""
    known = {(K,): OUTCOMES, (s,): STATE, (theta_old,): THETA_OLD}
    known |= table(policy, logprobs(THETA_OLD).exp(), mpf(STATE), mpf(THETA_OLD))
    known |= table(policy, slopes(THETA_OLD), mpf(STATE), mpf(THETA_OLD), theta_old)
    close(value(make, known), curvature(divergence))


def test_the_derived_kl_of_two_tokens_is_exact_kl_of_all_pairs():
    """Four first tokens, three second ones: the KL over the twelve responses."""
    first = torch.randn(2, 4, generator=GENERATOR, dtype=torch.float64).log_softmax(-1)
    second = torch.randn(2, 4, 3, generator=GENERATOR, dtype=torch.float64).log_softmax(-1)
    known = {(S,): 4, (A,): 3, **table(p, first[0].exp()), **table(q, first[1].exp())}
    for function, rows in zip((p_next, q_next), second, strict=True):
        for i, row in enumerate(rows, start=1):
            known |= table(function, row.exp(), mpf(i))
    pairs = (first[:, :, None] + second).flatten(1)
    close(value(two_stages, known), exact_kl(pairs[0], pairs[1]))


def test_the_mean_of_what_follows_is_exact_kl_of_all_responses_of_three_tokens():
    """D_3, by its definition, over two tokens, and the KL over the eight responses.

    Prefixes are numbered as a tree: the prompt is 1, what follows s is 2s and 2s + 1.
    """
    tables = torch.randn(2, 8, 2, generator=GENERATOR, dtype=torch.float64).log_softmax(-1)

    def mean_of(length, prefix):
        known = {(A,): 2, (s,): prefix, (n,): length - 1}
        for function, rows in zip((p_next, q_next), tables, strict=True):
            known |= table(function, rows[prefix].exp(), mpf(prefix))
        if length == 1:
            return value_of(LAST_MEAN.equation.rhs, TOKENS, known)
        for token, after in enumerate((2 * prefix, 2 * prefix + 1), start=1):
            known[then, mpf(prefix), mpf(token)] = after
            known[expected, mpf(length - 1), mpf(after)] = mean_of(length - 1, after)
        return value_of(NEXT_MEAN.equation.rhs, TOKENS, known)

    whole = torch.zeros(2, 8, dtype=torch.float64)
    for i, tokens in enumerate(product((0, 1), repeat=3)):
        prefix = 1
        for token in tokens:
            whole[:, i] += tables[:, prefix, token]
            prefix = 2 * prefix + token
    close(mean_of(3, 1), exact_kl(*whole))
