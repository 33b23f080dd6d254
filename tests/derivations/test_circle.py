"""The circle: what is derived is what the code computes, in float64 to 1e-10."""

import torch
from derived_numbers import close, value
from sympy import Derivative, lambdify, log, symbols
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations import bradley_terry
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.substitution import substituted
from rlhf_lab.derivations.dpo import gradient, loss
from rlhf_lab.derivations.gibbs import TWO_DISTRIBUTIONS, gibbs, p, q
from rlhf_lab.derivations.likelihood import likelihood
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    N,
    beta,
    policy,
    reference,
    reward,
    theta,
    y,
    y_l,
    y_w,
)
from rlhf_lab.derivations.optimal_policy import closed_form, value_at_optimum
from rlhf_lab.derivations.plackett_luce import RANKING, K, plackett_luce, ranked
from rlhf_lab.kl import exact_kl
from rlhf_lab.losses import dpo_loss, implicit_reward
from rlhf_lab.preferences import bradley_terry_logprob, plackett_luce_logprob
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.optimum import objective, optimal_logprobs

BETA, PAIRS = 0.3, 64
PROBABILITIES = (policy(y_w, theta), policy(y_l, theta), reference(y_w), reference(y_l))
LETTERS = dict(zip(PROBABILITIES, symbols("a b c d", positive=True), strict=True))
mpf = ARITHMETIC.mpf


def random_logprobs(count):
    """Log-probs of pairs of responses, of the size that whole responses have."""
    generator = torch.Generator().manual_seed(0)
    return -40 * torch.rand(count, PAIRS, generator=generator, dtype=torch.float64)


def coded_loss(policy_logprobs, reference_logprobs):
    """`losses.dpo_loss` of (chosen, rejected) log-probs."""
    pairs = zip(policy_logprobs, reference_logprobs, strict=True)
    return dpo_loss(*(implicit_reward(own, other, beta=BETA) for own, other in pairs))


def test_the_derived_loss_is_dpo_loss():
    formula = substituted(unfolded(loss().end, loss().given), LETTERS)
    derived = lambdify((*LETTERS.values(), beta), formula, "numpy")
    logprobs = random_logprobs(4)
    close(derived(*logprobs.exp().numpy(), BETA).mean(), coded_loss(logprobs[:2], logprobs[2:]))


def test_the_derived_gradient_is_autograds():
    """Each log-prob depends on one parameter θ, by a slope of its own."""
    slopes = symbols("slope_chosen slope_rejected", real=True)
    logs = (Derivative(log(policy(i, theta)), theta) for i in (y_w, y_l))
    formula = substituted(gradient().end, dict(zip(logs, slopes, strict=True)))
    formula = substituted(unfolded(formula, gradient().given), LETTERS)
    derived = lambdify((*LETTERS.values(), *slopes, beta), formula, "numpy")
    logprobs = random_logprobs(4)
    slope = torch.linspace(-1, 1, 2 * PAIRS, dtype=torch.float64).view(2, PAIRS)
    theta_0 = torch.zeros((), dtype=torch.float64, requires_grad=True)
    coded_loss(logprobs[:2] + theta_0 * slope, logprobs[2:]).backward()
    close(derived(*logprobs.exp().numpy(), *slope.numpy(), BETA).mean(), theta_0.grad)


def test_the_derived_mean_of_the_pairs_is_dpo_loss():
    """`likelihood` ends in a mean over n pairs; `dpo_loss` is that mean of its margins."""
    chosen, rejected = random_logprobs(2)
    objective_of_theta = likelihood().end.args[0]
    count = next(letter for letter in objective_of_theta.free_symbols if letter.is_integer)
    (margin,) = objective_of_theta.atoms(AppliedUndef)
    rows = {(margin.func, mpf(i), mpf(0)): m for i, m in enumerate(chosen - rejected, start=1)}
    derived = value(objective_of_theta, Given(), {(count,): PAIRS, (theta,): 0, **rows})
    close(derived, dpo_loss(chosen, rejected))


def test_bradley_terry_is_the_packages():
    chosen, rejected = random_logprobs(2)
    formula = bradley_terry.sigmoid_form().start
    derived = lambdify((reward(y_w), reward(y_l)), formula, "numpy")
    close(derived(chosen.numpy(), rejected.numpy()), bradley_terry_logprob(chosen, rejected).exp())


def test_plackett_luce_is_the_packages():
    rewards = random_logprobs(1)[0, :4] / 10
    rows = {(reward, mpf(i)): r for i, r in enumerate(rewards, start=1)}
    places = {(ranked, mpf(i)): i for i in range(1, 5)}
    derived = value(plackett_luce().start, RANKING, {(K,): 4, **rows, **places})
    close(derived, plackett_luce_logprob(rewards).exp())


def test_the_closed_form_is_the_exact_worlds_optimum():
    world = exact_world(vocabulary=3, length=2, seed=0)
    known = {(N,): len(world.rewards), (beta,): BETA}
    for i, (r, logprob) in enumerate(zip(world.rewards, world.reference_logprobs, strict=True), 1):
        known |= {(reward, mpf(i)): r, (reference, mpf(i)): logprob.exp()}
    optimum = optimal_logprobs(world.reference_logprobs, world.rewards, beta=BETA)
    form = closed_form().end
    for i, logprob in enumerate(optimum, start=1):
        close(value(form, ONE_PROMPT, {(y,): i, **known}), logprob.exp())
    best = objective(optimum, world.reference_logprobs, world.rewards, beta=BETA)
    close(value(value_at_optimum().start, ONE_PROMPT, known), best)
    close(value(value_at_optimum().end, ONE_PROMPT, known), best)


def test_the_derived_kl_is_exact_kl():
    logits = random_logprobs(2)[:, :5]
    known = {(N,): 5}
    for f, row in zip((p, q), logits.softmax(-1), strict=True):
        known |= {(f, mpf(i)): probability for i, probability in enumerate(row, start=1)}
    close(value(gibbs().start, TWO_DISTRIBUTIONS, known), exact_kl(logits[0], logits[1]))
