"""The circle for GRPO: what is derived is what the package computes, to 1e-10 in float64."""

from functools import cache

import pytest
import torch
from derived_numbers import close, value

from rlhf_lab.advantages import (
    GROUP_EPSILON,
    centred_outcome_advantages,
    group_outcome_advantages,
    group_process_advantages,
)
from rlhf_lab.derivations import group_advantages, group_baseline, group_scale, grpo
from rlhf_lab.derivations import process_advantages as process
from rlhf_lab.derivations import response_lengths as lengths
from rlhf_lab.derivations.checker.arithmetic import ARITHMETIC
from rlhf_lab.derivations.group_notation import G, b, c, d, epsilon, i, n, rewards, right, wrong
from rlhf_lab.derivations.notation import beta, theta
from rlhf_lab.losses import grpo_loss

mpf = ARITHMETIC.mpf
built = cache(lambda make: make())
BETA, SIZE, TOKENS = 0.3, 4, 5
LENGTHS = (5, 1, 3, 2)


def table(function, numbers, *fixed):
    """The entries f(1), f(2), ... of a list of numbers, or f(column, row) of rows of them."""
    if numbers.ndim == 1:
        return {(function, mpf(k), *fixed): x for k, x in enumerate(numbers, start=1)}
    rows = enumerate(numbers, start=1)
    return {
        (function, mpf(column), mpf(row), *fixed): x
        for row, line in rows
        for column, x in enumerate(line, start=1)
    }


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def group_of(numbers):
    """The group of these rewards with the package's std and ε."""
    return {
        (G,): len(numbers),
        (n,): len(numbers) - 1,
        (epsilon,): GROUP_EPSILON,
        **table(rewards, numbers),
    }


def test_the_derived_advantages_are_the_packages():
    numbers = random(SIZE)
    formula = built(group_advantages.shifted_rewards)
    coded = group_outcome_advantages(numbers[None])[0]
    for k in range(SIZE):
        known = {**group_of(numbers), (i,): k + 1, (b,): 7.5}
        close(value(formula.end, formula.given, known), coded[k])
        close(value(formula.start, formula.given, known), coded[k])


def test_rewards_of_another_scale_have_the_packages_advantages():
    numbers = random(SIZE)
    for make in (group_advantages.scaled_rewards, group_advantages.shrunk_by_epsilon):
        formula = built(make)
        scale = 0.01 if make is group_advantages.scaled_rewards else 1.0
        coded = group_outcome_advantages(scale * numbers[None])[0]
        for k in range(SIZE):
            known = {**group_of(numbers), (i,): k + 1, (c,): scale}
            close(value(formula.end, formula.given, known), coded[k])


@pytest.mark.parametrize("answers", [[1, 0, 0, 1], [1, 0], [0, 1, 0, 0, 0], [1, 1, 1, 0]])
def test_a_right_answers_advantage_is_the_packages(answers):
    """Rewards far above ε = 1e-4, so that it does not count."""
    answers = torch.tensor(answers, dtype=torch.float64)
    formula, size = built(group_scale.right_answer), 1e12
    known = {(right,): answers.sum(), (wrong,): (1 - answers).sum(), (d,): size, (b,): 0}
    known[n,] = len(answers) - 1
    coded = group_outcome_advantages(size * answers[None])[0][answers.argmax()]
    close(value(formula.end, formula.given, known), coded**2)
    if len(answers) == 4 and answers.sum() == 2:
        assert coded.item() == pytest.approx(3**0.5 / 2)


def test_the_weight_of_a_prompt_is_the_inverse_of_its_variance():
    formula = built(group_scale.weight_of_a_prompt)
    for answers in ([1.0, 0, 0, 0], [1.0, 1, 0, 0]):
        answers = torch.tensor(answers, dtype=torch.float64)
        known = {(right,): answers.sum(), (wrong,): (1 - answers).sum()}
        close(
            value(formula.lines[2].expression, formula.given, known), 1 / answers.var(correction=0)
        )


def steps_of_a_group():
    """(rewards, ends) of the steps of four responses: 1 to 3 steps each, on 6 tokens."""
    ends = torch.zeros(SIZE, 6, dtype=torch.bool)
    for row, places in enumerate(([1, 3, 5], [2], [0, 4], [3, 4])):
        ends[row, places] = True
    return random(SIZE, 6, seed=1), ends


def test_the_derived_process_advantages_are_the_packages():
    """A token of a step gets the sum from that step on; a token after the last gets 0."""
    numbers, ends = steps_of_a_group()
    coded = group_process_advantages(numbers[None], ends[None])[0]
    by_response = [line[ended] for line, ended in zip(numbers, ends, strict=True)]
    known = {(G,): SIZE, (n,): int(ends.sum()) - 1, (epsilon,): GROUP_EPSILON}
    known |= table(process.steps, torch.tensor([len(steps) for steps in by_response]))
    for row, steps in enumerate(by_response, start=1):
        known |= {(process.step_reward, mpf(row), mpf(k)): x for k, x in enumerate(steps, start=1)}
    normalised, to_come = (
        built(process.one_step).start.function,
        built(process.rewards_to_come).end,
    )
    for row, steps in enumerate(by_response, start=1):
        each = [
            value(normalised, process.STEPS, {**known, (i,): row, (process.step,): k + 1})
            for k in range(len(steps))
        ]
        last_first = table(process.from_last, torch.tensor(each[::-1], dtype=torch.float64))
        first_step_to_come = len(steps) - ends[row - 1].cumsum(0) + ends[row - 1].long()
        for token, left in enumerate(first_step_to_come):
            derived = value(to_come, process.FROM_LAST, {(process.m,): left, **last_first})
            close(derived, coded[row - 1, token])


def test_one_step_a_response_is_outcome_supervision_in_the_package():
    numbers = random(1, SIZE, TOKENS)
    ends = torch.zeros(1, SIZE, TOKENS, dtype=torch.bool)
    ends[:, :, -1] = True
    outcome = group_outcome_advantages(numbers[:, :, -1])
    process_wise = group_process_advantages(numbers, ends)
    close(process_wise, outcome[:, :, None].expand_as(process_wise))


@cache
def responses():
    """Log-probs of the policy, the old one and the reference; Â of each token; the mask."""
    policy, old, reference = (-1 - 0.1 * random(SIZE, TOKENS, seed=k).abs() for k in (2, 3, 4))
    mask = torch.arange(TOKENS) < torch.tensor(LENGTHS)[:, None]
    advantages = group_outcome_advantages(random(1, SIZE))[0]
    return policy, old, reference, advantages[:, None].expand(SIZE, TOKENS), mask


def tables(*, on_policy=False):
    """The probabilities of `responses` as tables of the derivations."""
    policy, old, reference, _, _ = responses()
    old = policy if on_policy else old
    return {
        (beta,): BETA,
        (theta,): 0,
        **table(grpo.token_policy, policy.exp(), mpf(0)),
        **table(grpo.token_old, old.exp()),
        **table(grpo.token_reference, reference.exp()),
        **table(grpo.tokens, torch.tensor(LENGTHS)),
    }


def coded_loss(shift=0.0, *, on_policy=False, beta=BETA):
    """`losses.grpo_loss` with every ratio inside the clip range."""
    policy, old, reference, advantages, mask = responses()
    old = policy if on_policy else old
    return grpo_loss(policy + shift, old, reference, advantages, mask, epsilon=0.9, beta=beta)


def test_the_derived_objective_is_grpo_loss():
    """Each response by itself, in the formula of which the first step is a special case."""
    formula, advantages = built(grpo.response_at_the_first_step).start, responses()[3]
    worth = [
        value(formula, grpo.ONE_TOKEN, {**tables(), (i,): k + 1, (grpo.A,): advantages[k, 0]})
        for k in range(SIZE)
    ]
    close(sum(worth) / SIZE, -coded_loss())


@pytest.mark.parametrize("on_policy", [False, True])
def test_the_derived_gradient_of_a_token_is_autograds(on_policy):
    """∂ log π of the token is 1: its own log-prob is the parameter."""
    formula = built(grpo.gradient_coefficient if on_policy else grpo.token_gradient).end
    policy, _, _, advantages, mask = responses()
    shift = torch.zeros_like(policy).requires_grad_()
    coded_loss(shift, on_policy=on_policy).backward()
    for row in range(SIZE):
        for token in range(LENGTHS[row]):
            place = (mpf(token + 1), mpf(row + 1), mpf(0))
            known = {
                **tables(on_policy=on_policy),
                (i,): row + 1,
                (grpo.t,): token + 1,
                (grpo.A,): advantages[row, token],
                (grpo.token_policy, *place, theta): policy[row, token].exp(),
            }
            derived = value(formula, grpo.ONE_TOKEN, known)
            close(-derived / (SIZE * LENGTHS[row]), shift.grad[row, token])
    assert (shift.grad[~mask] == 0).all()


def test_the_derived_weights_of_tokens_are_autograds():
    """Every log-prob depends on one parameter, by a slope of its own; β = 0."""
    policy, _, _, advantages, _ = responses()
    slope = random(SIZE, TOKENS, seed=5)
    theta_0 = torch.zeros((), dtype=torch.float64, requires_grad=True)
    coded_loss(theta_0 * slope, beta=0.0).backward()
    known = {
        **tables(),
        (G,): SIZE,
        **table(lengths.advantage.func, advantages[:, 0]),
        **table(grpo.token_policy, policy.exp() * slope, mpf(0), theta),
    }
    formula = built(lengths.weights_of_tokens)
    close(value(formula.end, formula.given, known), -theta_0.grad)


def test_the_loss_is_0_at_the_first_step_and_its_gradient_is_not():
    policy, _, _, advantages, mask = responses()
    logprobs = policy.clone().requires_grad_()
    loss = grpo_loss(logprobs, policy, policy, advantages, mask, epsilon=0.2, beta=BETA)
    loss.backward()
    close(loss, torch.zeros((), dtype=torch.float64))
    assert logprobs.grad[mask].abs().min() > 1e-3


def test_two_responses_of_one_token_have_the_derived_gradient():
    formula, theta_0 = built(grpo.gradient_at_the_first_step), 0.4
    logit = torch.tensor(theta_0, dtype=torch.float64, requires_grad=True)
    signs = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    logprobs = torch.nn.functional.logsigmoid(signs * logit)
    now = logprobs.detach()
    mask = torch.ones(2, 1, dtype=torch.bool)
    grpo_loss(logprobs, now, now, 0.7 * signs, mask, epsilon=0.2, beta=BETA).backward()
    letters = {letter.name: letter for letter in formula.start.free_symbols}
    known = {(letters["theta_old"],): theta_0, (theta,): theta_0, (letters["a"],): 0.7}
    close(value(formula.lines[1].expression, formula.given, known), -logit.grad)


def every_group(size, count):
    """All groups of `size` responses out of `count`."""
    return torch.cartesian_prod(*[torch.arange(count)] * size).view(-1, size)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_mean_over_every_group_has_the_derived_share_of_the_policy_gradient(size):
    """Three responses; each group of them by its probability, with the package's advantages."""
    logits = random(3).requires_grad_()
    logprobs, numbers = logits.log_softmax(0), random(3, seed=1)
    groups = every_group(size, 3)
    chance = logprobs.detach()[groups].sum(dim=1).exp()
    advantages = centred_outcome_advantages(numbers[groups])
    (chance @ (advantages * logprobs[groups]).mean(dim=1)).backward(retain_graph=True)
    in_the_mean, logits.grad = logits.grad, None
    (logprobs.exp() @ numbers).backward()
    formula = built(group_baseline.group_mean_as_baseline).end
    share = formula.subs(group_baseline.GRADIENT, 1).subs(G, size)
    close(float(share) * logits.grad, in_the_mean)


def test_leaving_one_out_is_the_packages_advantage_up_to_the_derived_factor():
    numbers = random(SIZE)
    formula = built(group_baseline.leave_one_out)
    coded = centred_outcome_advantages(numbers[None])[0] * SIZE / (SIZE - 1)
    for k in range(SIZE):
        known = {**group_of(numbers), (i,): k + 1}
        close(value(formula.start, formula.given, known), coded[k])
        close(numbers[k] - torch.cat([numbers[:k], numbers[k + 1 :]]).mean(), coded[k])
