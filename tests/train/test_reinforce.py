"""REINFORCE on tables: its mean gradient is that of the exact return, and it climbs."""

import random

import pytest
import torch
from torch import nn

from rlhf_lab.train.loop import history
from rlhf_lab.train.reinforce import ReinforceConfig, reinforce_loss, train_reinforce
from rlhf_lab.worlds.decisions import best_policy, expected_return
from rlhf_lab.worlds.environment import Environment, play
from rlhf_lab.worlds.exam_week import exam_week


def random_table(process, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = len(process.states), len(process.actions)
    return nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))


def test_the_mean_gradient_is_that_of_the_exact_return():
    process, group = exam_week(days=2, needed=1), 4
    logits = random_table(process, 0)
    policy = logits.softmax(dim=-1)
    (exact,) = torch.autograd.grad(expected_return(process, policy), logits)
    generator = random.Random(0)
    environment = Environment(process, generator=generator)
    draws = []
    for _ in range(1500):
        episodes = [play(environment, policy.tolist(), generator) for _ in range(group)]
        loss = reinforce_loss(logits, episodes, gamma=1.0)
        draws.append(-torch.autograd.grad(loss, logits)[0])
    draws = torch.stack(draws)
    error = draws.std(dim=0) / len(draws) ** 0.5
    expected = (group - 1) / group * exact  # each episode is part of its own baseline
    assert ((draws.mean(dim=0) - expected).abs() <= 4 * error + 1e-12).all()
    assert exact.abs().max() > 0.1


def test_one_episode_alone_is_refused():
    """Its own return would be its baseline, and (n - 1)/n of the gradient is 0."""
    process = exam_week()
    generator = random.Random(0)
    logits = random_table(process, 0)
    policy = logits.detach().softmax(dim=-1).tolist()
    episode = play(Environment(process, generator=generator), policy, generator)
    with pytest.raises(ValueError, match="at least two episodes are needed, got 1"):
        reinforce_loss(logits, [episode], gamma=1.0)


def test_it_climbs_to_the_best_policy():
    process = exam_week(days=2, needed=1)
    logits = random_table(process, 0)
    start = expected_return(process, logits.detach().softmax(dim=-1))
    run = history(train_reinforce(logits, process, ReinforceConfig(steps=80, seed=0)))
    end = expected_return(process, logits.detach().softmax(dim=-1))
    best = expected_return(process, best_policy(process, gamma=1.0))
    assert start < 0.9 * best
    assert 0.97 * best < end <= best
    assert run["step"] == list(range(80))


def test_the_same_seed_gives_the_same_run():
    process = exam_week()
    runs = [
        history(
            train_reinforce(random_table(process, 1), process, ReinforceConfig(steps=3, seed=s))
        )
        for s in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="episodes"):
        ReinforceConfig(steps=1, episodes=1)
    table = nn.Parameter(torch.zeros(2, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="shape"):
        train_reinforce(table, exam_week(), ReinforceConfig(steps=1))
