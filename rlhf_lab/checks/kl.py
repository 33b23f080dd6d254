"""Exercises on the KL divergence, its estimators and its controllers."""

import math

import torch

from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import between, numbers
from rlhf_lab.museum import kl as museum


def two_logprobs(generator: torch.Generator) -> dict:
    """Log-probs of the same tokens under two policies."""
    return {
        "policy_logprobs": -numbers(generator, 2, 4).abs(),
        "reference_logprobs": -numbers(generator, 2, 4).abs(),
    }


def token_by_token(formula):
    """A formula of the probabilities p = π(y) and q = ref(y), applied to each token."""

    def truth(policy_logprobs, reference_logprobs):
        rows = zip(policy_logprobs.tolist(), reference_logprobs.tolist(), strict=True)
        return torch.tensor(
            [[formula(math.exp(a), math.exp(b)) for a, b in zip(*row, strict=True)] for row in rows]
        )

    return truth


def two_logits(generator: torch.Generator) -> dict:
    """Logits of two policies over five actions in three states."""
    return {
        "policy_logits": numbers(generator, 3, 5),
        "reference_logits": numbers(generator, 3, 5),
    }


def sum_over_actions(policy_logits, reference_logits):
    """Σ_a p(a) log(p(a) / q(a)), one action at a time."""
    found = []
    for first, second in zip(policy_logits.tolist(), reference_logits.tolist(), strict=True):
        p, q = ([math.exp(x) / sum(map(math.exp, row)) for x in row] for row in (first, second))
        found.append(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    return torch.tensor(found)


def observed(generator: torch.Generator) -> dict:
    """A coefficient, a target and an observed KL far from it or near."""
    target = between(generator, 1.0, 8.0)
    factor = math.exp(between(generator, -1.5, 1.5))
    beta = between(generator, 0.05, 2.0)
    return {"beta": beta, "observed_kl": target * factor, "target_kl": target}


def observed_with_gain(generator: torch.Generator) -> dict:
    """The same with a gain."""
    return observed(generator) | {"gain": between(generator, 0.05, 0.5)}


def proportional(beta, observed_kl, target_kl, gain):
    """By cases: more than 20 % off counts as 20 %."""
    error = observed_kl / target_kl - 1
    if error > 0.2:
        return beta + 0.2 * gain * beta
    if error < -0.2:
        return beta - 0.2 * gain * beta
    return beta + error * gain * beta


def by_factors_of_two(beta, observed_kl, target_kl):
    """By cases."""
    if observed_kl / target_kl > 1.5:
        return beta * 2
    if target_kl / observed_kl > 1.5:
        return beta / 2
    return beta


def estimator(name: str, asks: str, formula, bugs) -> Exercise:
    """The exercise of one estimator."""
    return Exercise(
        name=name,
        asks=asks + ", at samples of the policy",
        inputs=two_logprobs,
        truth=token_by_token(formula),
        bugs=bugs,
        replaces=f"kl.{name}",
    )


k1 = estimator("k1", "the log-ratio log π - log ref", lambda p, q: math.log(p / q), museum.K1)
k2 = estimator("k2", "half its square", lambda p, q: math.log(p / q) ** 2 / 2, museum.K2)
k3 = estimator("k3", "ref/π - 1 - log(ref/π)", lambda p, q: q / p - 1 - math.log(q / p), museum.K3)
exact_kl = Exercise(
    name="exact_kl",
    asks="KL(π ‖ ref) in each state, summed over all actions, from logits",
    inputs=two_logits,
    truth=sum_over_actions,
    bugs=museum.EXACT_KL,
    replaces="kl.exact_kl",
)
adapted_kl_coef = Exercise(
    name="adapted_kl_coef",
    asks="Ziegler's controller: β (1 + gain · error), the relative error clipped to ±0.2",
    inputs=observed_with_gain,
    truth=proportional,
    cases=40,
    bugs=museum.ADAPTED,
    replaces="kl.adapted_kl_coef",
)
doubled_or_halved = Exercise(
    name="doubled_or_halved",
    asks="the PPO paper's controller: 2β above 1.5 targets, β/2 below target/1.5, else β",
    inputs=observed,
    truth=by_factors_of_two,
    cases=40,
    bugs=museum.DOUBLED,
    replaces="kl.doubled_or_halved",
)
EXERCISES = (k1, k2, k3, exact_kl, adapted_kl_coef, doubled_or_halved)
