"""Checks of exercises: right functions pass, every known mistake is refused by its name."""

import itertools

import pytest
import torch
from right_functions import dpo_loss, response_mask, right_function
from torch.nn.functional import logsigmoid

from rlhf_lab import losses
from rlhf_lab.checks import CheckFailedError, check
from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.checks.exercise import Exercise
from rlhf_lab.checks.random_inputs import right_padded
from rlhf_lab.models import tiny_gpt2, trainable_copy


@pytest.mark.parametrize("exercise", exercises.values(), ids=exercises)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_function_passes(exercise, seed):
    assert "right on" in check(exercise, right_function(exercise), seed=seed)


KNOWN = [(exercise, bug) for exercise in exercises.values() for bug in exercise.bugs]


@pytest.mark.parametrize(("exercise", "bug"), KNOWN, ids=[f"{e.name}-{b.name}" for e, b in KNOWN])
def test_a_known_mistake_is_refused_by_its_name(exercise, bug):
    with pytest.raises(CheckFailedError) as refusal:
        check(exercise, bug.function, seed=3)
    assert f"{bug.name}: {bug.says}" in str(refusal.value)


def test_inputs_have_a_response_with_padding_and_one_without():
    mask = right_padded(torch.Generator().manual_seed(0), 2, 9)
    assert mask.sum(dim=1).tolist() == [2, 9]


def test_there_are_many_of_them_and_no_two_have_one_name():
    names = [(exercise.name, bug.name) for exercise, bug in KNOWN]
    assert len(set(names)) == len(names) >= 40


@pytest.mark.parametrize(("exercise", "bug"), KNOWN, ids=[f"{e.name}-{b.name}" for e, b in KNOWN])
def test_an_exhibit_is_described(exercise, bug):
    assert bug.says.endswith(".")
    assert len(bug.looks) > 20
    assert len(bug.links) == len(bug.seen)


# Mistakes that the checks have never seen.
UNSEEN = {
    "gae": lambda rewards, values, mask, gamma, lam: rewards * mask - values * mask,
    "whiten": lambda x, mask: (x - x.mean(dim=1, keepdim=True)) / x.std() * mask,
    "k3": lambda policy_logprobs, reference_logprobs: (
        (policy_logprobs - reference_logprobs).exp() - 1
    ),
    "clipped_surrogate": lambda ratio, advantages, epsilon: torch.minimum(
        ratio * advantages, ratio.clamp(1 - epsilon, 1 + 2 * epsilon) * advantages
    ),
    "token_rewards": lambda scores, kl, mask, beta: -beta * kl * mask + scores[:, None] / 5 * mask,
    "ranking_loss": lambda best_first: -logsigmoid(best_first[:, :1] - best_first[:, 1:]).mean(),
    "dpo_loss": lambda policy, reference, masks, beta: dpo_loss(
        policy.exp(), reference.exp(), masks, beta=beta
    ),
    "group_outcome_advantages": lambda rewards: rewards - rewards.median(dim=1, keepdim=True)[0],
    "grpo_loss": lambda logprobs, old_logprobs, advantages, mask, **_: (
        -((logprobs - old_logprobs).exp() * advantages * mask).sum(dim=1).mean()
    ),
    "response_mask": lambda tokens, end_token: tokens > 0,
    "adapted_kl_coef": lambda beta, observed_kl, target_kl, gain: beta * observed_kl / target_kl,
    "exact_kl": lambda policy_logits, reference_logits: (
        policy_logits.softmax(-1) * (policy_logits - reference_logits)
    ).sum(-1),
}


def looks_at_3(logits, ids, prompt_length, temperature):
    return right_function(exercises["response_logprobs"])(logits, ids, 3, temperature)


# Right where a number of the inputs is always the same.
FITTED = {
    "response_logprobs": looks_at_3,
    "response_mask": lambda tokens, end_token: response_mask(tokens, 0),
    "leave_one_out_advantages": lambda rewards: (
        (rewards - rewards.mean(dim=1, keepdim=True)) * 4 / 3
    ),
    "group_outcome_advantages": lambda rewards: (
        (rewards - rewards.mean(dim=1, keepdim=True))
        / ((rewards.var(dim=1, keepdim=True, correction=0) * 4 / 3).sqrt() + 1e-4)
    ),
}


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_constant_in_the_place_of_an_argument_is_refused(name, seed):
    with pytest.raises(CheckFailedError, match=f"^{name}: case "):
        check(exercises[name], FITTED[name], seed=seed)


LOSSES = {exercise.name: exercise for exercise in exercises.values() if exercise.gradient_in}


def test_the_gradient_of_every_loss_is_asked_for():
    surrogate = ["clipped_surrogate", "clipped_value_loss"]
    assert list(LOSSES) == [*surrogate, "ranking_loss", "dpo_loss", "grpo_loss"]


def in_numbers(function):
    return lambda **given: torch.tensor(function(**given).tolist())


def without_a_part(function, argument):
    """The same value; of the gradient half is cut off."""
    return lambda **given: (
        function(**given) / 2 + function(**given | {argument: given[argument].detach()}) / 2
    )


@pytest.mark.parametrize("exercise", LOSSES.values(), ids=LOSSES)
def test_a_loss_without_a_gradient_is_refused(exercise):
    with pytest.raises(CheckFailedError, match="stopped with NoGradientError: has no gradient"):
        check(exercise, in_numbers(right_function(exercise)))


@pytest.mark.parametrize("exercise", LOSSES.values(), ids=LOSSES)
def test_a_loss_with_another_gradient_is_refused(exercise):
    argument = exercise.gradient_in
    words = f"^{exercise.name}: its gradient in {argument}: case 1 of 5: the answer is off by"
    with pytest.raises(CheckFailedError, match=words):
        check(exercise, without_a_part(right_function(exercise), argument))


def test_a_detached_kl_is_refused():
    def grpo(logprobs, **given):
        whole = losses.grpo_loss(logprobs, **given)
        kl = whole - losses.grpo_loss(logprobs, **given | {"beta": 0.0})
        return whole - kl + kl.detach()

    with pytest.raises(CheckFailedError, match="grpo_loss: its gradient in logprobs"):
        check(exercises["grpo_loss"], grpo)


@pytest.mark.parametrize("name", UNSEEN)
def test_a_mistake_that_nobody_foresaw_is_refused_too(name):
    with pytest.raises(CheckFailedError, match=f"^{name}: case "):
        check(exercises[name], UNSEEN[name])


def test_an_answer_that_agrees_with_known_mistakes_at_the_padding_alone_gets_no_name():
    with pytest.raises(CheckFailedError) as refusal:
        check(exercises["whiten"], UNSEEN["whiten"])
    assert "known mistake" not in str(refusal.value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda rewards: None, "did you forget `return`"),
        (lambda rewards: rewards.mean(dim=1), r"expected the shape \(3, \d\), got \(3,\)"),
        (lambda rewards: rewards * float("nan"), "holds NaN"),
        (lambda rewards: "advantages", "expected a tensor or a number, got str"),
        (lambda rewards: rewards.sub_(1), "changed in place"),
        (lambda rewards: 1 / 0, "stopped with ZeroDivisionError"),
        (lambda: 0, "stopped with TypeError"),
    ],
)
def test_what_is_no_answer_is_explained(function, message):
    with pytest.raises(CheckFailedError, match=message):
        check(exercises["group_outcome_advantages"], function)


SIGNED = ["dpo_loss", "ranking_loss", "grpo_loss", "clipped_surrogate", "gae", "response_logprobs"]
PADDED = {
    "gae": lambda rewards, values, mask, gamma, lam: right_function(exercises["gae"])(
        rewards, values, torch.ones_like(mask), gamma=gamma, lam=lam
    ),
    "whiten": lambda x, mask: (x - x.mean()) / x.std(),
    "clipped_value_loss": lambda mask, **given: right_function(exercises["clipped_value_loss"])(
        mask=torch.ones_like(mask), **given
    ),
}


@pytest.mark.parametrize("name", SIGNED)
def test_a_sign_that_is_turned_round_is_told(name):
    right = right_function(exercises[name])
    with pytest.raises(CheckFailedError, match="Most likely: The sign is turned round"):
        check(exercises[name], lambda **given: -right(**given))


@pytest.mark.parametrize("name", PADDED)
def test_a_mask_that_is_forgotten_is_told(name):
    with pytest.raises(CheckFailedError, match="Most likely: The answer changes with what stands"):
        check(exercises[name], PADDED[name])


def test_a_factor_is_told_where_numbers_show_it():
    right = right_function(exercises["gae"])
    with pytest.raises(CheckFailedError, match="Most likely: Every number is 2 times what"):
        check(exercises["gae"], lambda **given: 2 * right(**given))
    with pytest.raises(CheckFailedError, match="Most likely: Every number is -2 times what"):
        check(exercises["gae"], lambda **given: -2 * right(**given))


def one_more_at_each_call():
    calls = itertools.count(1)
    right = right_function(exercises["masked_mean"])
    return lambda **given: right(**given) + next(calls)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        # one number is some multiple of any other
        ("dpo_loss", lambda **given: 2 * dpo_loss(**given)),
        ("gae", lambda rewards, **_: torch.zeros_like(rewards)),
        ("gae", lambda rewards, **_: torch.full_like(rewards, torch.inf)),
        ("k3", lambda policy_logprobs, **_: torch.full_like(policy_logprobs, torch.inf)),
        ("response_mask", lambda **given: response_mask(**given).double()),
        ("masked_mean", one_more_at_each_call()),
    ],
)
def test_nothing_is_guessed_where_nothing_can_be(name, function):
    with pytest.raises(CheckFailedError) as refusal:
        check(exercises[name], function)
    assert "Most likely" not in str(refusal.value)


@pytest.mark.parametrize("seed", range(20))
def test_a_known_mistake_is_named_though_it_is_rounded_in_another_way(seed):
    """The exhibit has expm1."""

    def turned_round(policy_logprobs, reference_logprobs):
        log_ratio = policy_logprobs - reference_logprobs
        return log_ratio.exp() - 1 - log_ratio

    with pytest.raises(CheckFailedError, match="known mistake"):
        check(exercises["k3"], turned_round, seed=seed)


def test_a_mask_of_numbers_is_no_mask():
    with pytest.raises(CheckFailedError, match=r"true and false \(torch.bool\), got torch.float32"):
        check(exercises["response_mask"], lambda **given: response_mask(**given).float())


def added_in_place(rewards, gamma):
    for t in reversed(range(len(rewards) - 1)):
        rewards[t] += gamma * rewards[t + 1]
    return rewards


def all_set_to_0(rewards, gamma):
    rewards[:] = [0.0 for _ in rewards]
    return rewards


@pytest.mark.parametrize("function", [added_in_place, all_set_to_0])
def test_a_list_that_was_changed_is_noticed_too(function):
    with pytest.raises(CheckFailedError, match="changed in place; work on a copy"):
        check(exercises["returns_to_go"], function)


def test_a_model_whose_weights_were_changed_is_noticed_too():
    def emptied(model):
        copy = trainable_copy(model)
        for weights in (*model.parameters(), *copy.parameters()):
            weights.data.zero_()
        return copy

    with pytest.raises(CheckFailedError, match="changed in place; work on a copy"):
        check(exercises["trainable_copy"], emptied)


def test_the_truth_is_of_the_model_that_was_given_and_not_of_what_became_of_it():
    def emptied(model):
        model.weight.data.zero_()
        return model.weight.sum().detach()

    exercise = Exercise(
        name="weights",
        asks="the sum of the weights",
        inputs=lambda generator: {"model": torch.nn.Linear(2, 1)},
        truth=lambda model: model.weight.sum().detach(),
    )
    assert "right" in check(exercise, exercise.truth)
    with pytest.raises(CheckFailedError, match="changed in place"):
        check(exercise, emptied)


@pytest.mark.parametrize(
    "other",
    [
        lambda model: torch.nn.Linear(2, 2),
        lambda model: trainable_copy(model).half(),
        lambda model: trainable_copy(model).transformer,
        lambda model: tiny_gpt2(5, layers=2, width=8, heads=2, context=8, seed=0),
    ],
    ids=["another module", "half precision", "no head", "one layer more"],
)
def test_another_model_is_no_copy(other):
    with pytest.raises(CheckFailedError, match="its parameters are not those of the model"):
        check(exercises["trainable_copy"], other)


def unfrozen(model):
    copy = trainable_copy(model)
    model.requires_grad_(True)
    return copy


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda model: "a copy", "expected a model, got str"),
        (unfrozen, "the model itself is not frozen any more"),
    ],
)
def test_a_copy_is_a_model_and_leaves_its_model_frozen(function, message):
    with pytest.raises(CheckFailedError, match=message):
        check(exercises["trainable_copy"], function)


def test_the_message_shows_the_input_and_both_answers():
    with pytest.raises(CheckFailedError) as refusal:
        check(exercises["best_of_n"], lambda scores: scores.argmin(dim=1))
    for part in ("scores = [[", "expected: [", "got:      ["):
        assert part in str(refusal.value)


@pytest.mark.parametrize("exercise", LOSSES.values(), ids=LOSSES)
def test_the_message_shows_every_number_that_a_loss_gets(exercise):
    with pytest.raises(CheckFailedError) as refusal:
        check(exercise, lambda **given: 0.0)
    assert "a tensor of shape" not in str(refusal.value)


def test_another_seed_gives_other_inputs():
    exercise = exercises["masked_mean"]
    drawn = [exercise.inputs(torch.Generator().manual_seed(seed))["x"] for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
