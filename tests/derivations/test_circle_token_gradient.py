"""The circle for tokens: what is defined by the first token is the sum over whole responses.

Responses of at most two tokens out of three, of which token 0 ends one. M, V, G and H of the
derivations are defined and not computed by the package; here they meet sums and autograd.
"""

import itertools

import torch
from derived_numbers import close

from rlhf_lab.derivations import token_baseline, token_gradient, token_sequences
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.checker.interpretation import Interpretation
from rlhf_lab.derivations.notation import policy, reward, theta

mpf = ARITHMETIC.mpf
ZERO = torch.zeros((), dtype=torch.float64)
GENERATOR = torch.Generator().manual_seed(0)
START, DIRECTION, PAY = torch.randn(3, 4, 3, generator=GENERATOR, dtype=torch.float64)
BASELINES = torch.randn(4, generator=GENERATOR, dtype=torch.float64)
RESPONSES = [
    [(0, 0)],
    *([(0, first), (first + 1, second)] for first, second in itertools.product((1, 2), range(3))),
]  # of each token the text before it and the token itself; text 0 is empty


def chances(shift):
    """Token probabilities after the empty text (row 0) and after one token (rows 1 to 3)."""
    return (START + shift * DIRECTION).softmax(dim=-1)


def slope(function):
    return torch.autograd.functional.jacobian(function, ZERO)


NOW, SLOPES = chances(ZERO), slope(lambda shift: chances(shift).log())


def likelihood(table, steps):
    return torch.stack([table[step] for step in steps]).prod()


def mean_reward(shift):
    table = chances(shift)
    return sum(likelihood(table, steps) * sum(PAY[step] for step in steps) for steps in RESPONSES)


def weighted_scores(baselines):
    """The mean over responses of Σ_t score_t (rewards from t on - baseline of the text)."""
    return sum(
        likelihood(NOW, steps)
        * SLOPES[steps[t]]
        * (sum(PAY[step] for step in steps[t:]) - baselines[steps[t][0]])
        for steps in RESPONSES
        for t in range(len(steps))
    )


def game():
    """The same numbers as a world of the derivations: text s is numbered from 1, token a too."""
    world = Interpretation(token_sequences.TEXTS, 0)
    zero = mpf(0)
    world.known |= {(token_sequences.K,): mpf(3), (theta,): zero, (token_sequences.n,): mpf(1)}
    for text, token in itertools.product(range(4), range(3)):
        s, a = mpf(text + 1), mpf(token + 1)
        probability = mpf(float(NOW[text, token]))
        world.known |= {
            (policy, a, s, zero): probability,
            (policy, a, s, zero, theta): probability * float(SLOPES[text, token]),
            (reward, s, a): mpf(float(PAY[text, token])),
            (token_baseline.baseline, s): mpf(float(BASELINES[text])),
            (token_sequences.after, s, a): mpf(token + 2),
            (token_sequences.goes_on, s, a): mpf(token > 0),
        }
    return world


def two_tokens(one, more):
    """f_2 after the empty text, by the definitions of f_1 and of f_{n+1}."""
    world = game()
    for text in (mpf(2), mpf(3), mpf(4)):
        world.known[token_sequences.s,] = text
        for definition in (token_gradient.V_ONE, one):
            key = (definition.equation.lhs.func, mpf(1), text, mpf(0))
            world.known[key] = world.value(definition.equation.rhs)
    world.known[token_sequences.s,] = mpf(1)
    return torch.tensor(float(world.value(more.equation.rhs)), dtype=torch.float64)


def test_all_responses_together_have_probability_one():
    close(sum(likelihood(NOW, steps) for steps in RESPONSES), ZERO + 1)
    close(two_tokens(token_sequences.ONE_TOKEN, token_sequences.MORE_TOKENS), ZERO + 1)


def test_the_value_by_the_first_token_is_the_mean_reward():
    close(two_tokens(token_gradient.V_ONE, token_gradient.V_MORE), mean_reward(ZERO))


def test_rewards_to_go_give_autograds_gradient():
    found = slope(mean_reward)
    assert abs(found) > 0.05
    close(weighted_scores(0 * BASELINES), found)
    close(two_tokens(token_gradient.G_ONE, token_gradient.G_MORE), found)


def test_a_baseline_of_the_text_gives_autograds_gradient():
    found = slope(mean_reward)
    close(weighted_scores(BASELINES), found)
    close(two_tokens(token_baseline.H_ONE, token_baseline.H_MORE), found)
