"""A right function in the place of the package's own changes nothing: what fails is the mistake."""

import pytest
import torch
from right_functions import right_function

from rlhf_lab import losses
from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.checks.transplants import AROUND, transplant
from rlhf_lab.logprobs import response_logprobs
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.rewards.networks import last_outputs, reward_model
from rlhf_lab.sampling import best_of_n, sample
from rlhf_lab.train.micro_batches import slices

MODEL = tiny_gpt2(7, layers=1, width=16, heads=2, context=10, seed=0).double()
BATCH = pad([[1, 2], [3]], [[4, 5, 6], [5]])


def transplanted(name):
    return AROUND[name](right_function(exercises[name]))


@pytest.mark.parametrize("limits", [{}, {"min_tokens": 3, "end_token": 6}])
def test_logprobs_stay(limits):
    function = transplanted("response_logprobs")["logprobs.response_logprobs"]
    found, own = (f(MODEL, BATCH, temperature=0.7, **limits) for f in (function, response_logprobs))
    assert torch.allclose(found[BATCH.mask], own[BATCH.mask], atol=1e-12)


def test_what_is_sampled_stays():
    drawn = [
        function(
            MODEL,
            BATCH.prompts.repeat(20, 1),
            BATCH.prompt_mask.repeat(20, 1),
            max_tokens=6,
            end_token=0,
            generator=torch.Generator().manual_seed(0),
        )
        for function in (transplanted("response_mask")["sampling.sample"], sample)
    ]
    assert not drawn[1].responses.mask.all()
    assert torch.equal(drawn[0].responses.mask, drawn[1].responses.mask)
    assert torch.equal(drawn[0].logprobs, drawn[1].logprobs)


@pytest.mark.parametrize("size", [1, 2, 3, None])
def test_shares_stay(size):
    function = transplanted("accumulated_mean")["train.micro_batches.slices"]
    rows, weights = torch.tensor([4, 1, 3, 0, 2]), torch.tensor([3, 1, 4, 1, 5])
    for (part, share), (own_part, own) in zip(
        function(rows, weights, size), slices(rows, weights, size), strict=True
    ):
        assert part.tolist() == own_part.tolist()
        assert share == pytest.approx(own)


def test_the_reward_is_read_at_the_same_place():
    model = reward_model(MODEL, seed=0, columns=2)
    function = transplanted("last_score")["rewards.networks.last_outputs"]
    assert torch.equal(function(model, BATCH), last_outputs(model, BATCH))


def test_the_best_of_n_stays():
    batch = BATCH[torch.tensor([0, 1, 1, 0, 0, 1])]
    rewards = torch.tensor([0.0, 2.0, 1.0, 5.0, 3.0, 4.0])
    function = transplanted("best_of_n")["sampling.best_of_n"]
    found, own = (f(batch, rewards, n=3) for f in (function, best_of_n))
    assert torch.equal(found.tokens, own.tokens)


def test_the_slope_of_dpo_stays():
    made = transplanted("dpo_gradient")
    found = []
    for loss, reward in (
        (made["losses.dpo_loss"], made["losses.implicit_reward"]),
        (losses.dpo_loss, losses.implicit_reward),
    ):
        logprobs = torch.tensor([[-1.0, 2.0, 0.3], [0.5, -4.0, 0.1]], requires_grad=True)
        chosen, rejected = (reward(x, torch.zeros(3), beta=0.3) for x in logprobs)
        value = loss(chosen, rejected)
        found.append((value.detach(), *torch.autograd.grad(value, logprobs)))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_every_exercise_is_put_somewhere_in_the_package():
    for exercise in exercises.values():
        assert exercise.bugs
        assert bool(exercise.replaces) != (exercise.name in AROUND)
        assert all(transplant(exercise, bug) for bug in exercise.bugs)
