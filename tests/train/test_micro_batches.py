"""Slices of a batch add up to the batch: of its loss, of its gradient, of whatever is reported."""

import pytest
import torch
from tiny_runs import ALGORITHMS, tiny_run

from rlhf_lab.train.dpo import DPOConfig
from rlhf_lab.train.micro_batches import Update, over_rows, slices
from rlhf_lab.train.ppo import PPOConfig
from rlhf_lab.train.reward_model import RewardModelConfig
from rlhf_lab.train.sft import SFTConfig


def trained(algorithm, **settings):
    run, models = tiny_run(algorithm, **settings)
    return list(run), [p.detach() for model in models for p in model.parameters()]


def most_apart(one, other):
    return max((a - b).abs().max().item() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_size_of_a_micro_batch_changes_nothing(algorithm):
    """Rows of unequal length, 4 or 8 a minibatch, in slices of 1 and 2, and of 3 with a rest."""
    whole, weights = trained(algorithm)
    untrained = tiny_run(algorithm)[1]
    assert most_apart(weights, [p for m in untrained for p in m.parameters()]) > 1e-3
    for size in (3, 2, 1):
        metrics, found = trained(algorithm, micro_batch_size=size)
        assert most_apart(weights, found) < 1e-12
        for expected, row in zip(whole, metrics, strict=True):
            assert row == pytest.approx(expected, abs=1e-11, rel=1e-11)


def test_in_float32_the_difference_is_that_of_rounding():
    _, weights = trained("grpo", dtype=torch.float32)
    assert most_apart(weights, trained("grpo", micro_batch_size=2, dtype=torch.float32)[1]) < 1e-6


def test_shares_weigh_rows_by_their_tokens():
    """Five rows of 1 + 2 + 3 + 4 + 0 tokens, of which the batch has the last four."""
    weights = torch.tensor([7, 1, 2, 3, 4])
    found = list(slices(torch.tensor([4, 1, 3, 2]), weights, 3))
    assert [(rows.tolist(), share) for rows, share in found] == [([4, 1, 3], 0.8), ([2], 0.2)]


def test_a_mean_of_means_would_be_another_gradient():
    """The law is not empty here: the slices' own means, unweighted, differ by far."""
    x = torch.tensor([1.0, 2.0, 3.0, 10.0], dtype=torch.float64)
    tokens = torch.tensor([1, 1, 1, 5])
    weight = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
    found = {}
    for name, shares in (("weighted", None), ("mean of means", 0.5)):
        update = Update(torch.optim.SGD([weight], lr=0.0), step=0)
        for rows, share in slices(torch.arange(4), tokens, 2):
            mean = (weight * x[rows] * tokens[rows]).sum() / tokens[rows].sum()
            update.add(shares or share, {"loss": mean})
        found[name] = update.apply(learning_rate=1.0, max_grad_norm=float("inf"))
        weight.data.fill_(1.0)
    assert found["weighted"]["loss"] == pytest.approx((1 + 2 + 3 + 50) / 8)
    assert found["weighted"]["grad_norm"] == pytest.approx(7)
    assert found["mean of means"]["grad_norm"] == pytest.approx((1.5 + 53 / 6) / 2)


def test_a_function_of_rows_is_called_on_few_at_a_time_and_put_together():
    sizes = []

    def doubled(rows):
        sizes.append(len(rows))
        return 2.0 * rows[:, None]

    assert over_rows(doubled, 5, 2).flatten().tolist() == [0, 2, 4, 6, 8]
    assert sizes == [2, 2, 1]
    assert over_rows(doubled, 5, None).flatten().tolist() == [0, 2, 4, 6, 8]
    assert sizes[3:] == [5]


def test_the_graph_of_a_slice_is_free_before_the_next():
    """Else slices would save no memory."""
    weight = torch.nn.Parameter(torch.ones(()))
    update = Update(torch.optim.SGD([weight], lr=1.0), step=0)
    loss = weight.square()
    update.add(0.5, {"loss": loss, "reported": 2 * weight.square()})
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    ((_, kept),) = update.slices
    assert not any(mean.requires_grad for mean in kept.values())


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_what_is_not_finite_in_one_slice_changes_no_weight(bad):
    weight = torch.nn.Parameter(torch.zeros(()))
    update = Update(torch.optim.SGD([weight], lr=1.0), step=7)
    update.add(0.5, {"loss": weight + 1})
    loss = weight * torch.nan if bad == "loss" else weight.sqrt()
    with pytest.raises(FloatingPointError, match="at step 7; this update was not made"):
        update.add(0.5, {"loss": loss}) or update.apply(learning_rate=1.0, max_grad_norm=1.0)
    assert weight.item() == 0


@pytest.mark.parametrize("algorithm", ["sft", "reward-model", "dpo", "ppo", "grpo"])
def test_dropout_stays_off_whatever_is_done_to_the_models_between_two_steps(algorithm):
    """As by a caller who evaluates the policy, and then calls `train()` as usual."""
    alone, weights = trained(algorithm)
    run, models = tiny_run(algorithm)
    for model in models:
        for part in model.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.5
    metrics = []
    for row in run:
        metrics.append(row)
        for model in models:
            model.train()
    assert metrics == alone
    assert most_apart(weights, [p.detach() for m in models for p in m.parameters()]) == 0


@pytest.mark.parametrize("config", [SFTConfig, RewardModelConfig, DPOConfig, PPOConfig])
def test_a_bad_size_is_refused(config):
    needed = {"steps": 1} | ({"max_tokens": 4, "end_token": 0} if config is PPOConfig else {})
    for size in (0, -1):
        with pytest.raises(ValueError, match="micro_batch_size must be a whole number, 1 or above"):
            config(micro_batch_size=size, **needed)


def test_a_weight_that_only_some_processes_reach_gets_the_sum_of_all(monkeypatch):
    """This process reaches the first weight, the other one, with 10 for it, the second alone."""
    first, second, none = (torch.nn.Parameter(torch.ones(())) for _ in range(3))
    update = Update(torch.optim.SGD([first, second, none], lr=0.0), step=0)
    update.add(1.0, {"loss": 2 * first})
    from_other = iter([torch.tensor([0, 1, 0]), 0.0, 10.0, torch.tensor([0.5])])
    monkeypatch.setattr("rlhf_lab.processes.summed", lambda x: x.long() + next(from_other)
                        if x.dtype == torch.bool else x + next(from_other))  # fmt: skip
    monkeypatch.setattr("rlhf_lab.processes.count", lambda: 2)
    metrics = update.apply(learning_rate=1.0, max_grad_norm=float("inf"))
    assert metrics == {"loss": 2.5, "grad_norm": pytest.approx(104**0.5)}
    assert [p.item() for p in (first, second, none)] == [1 - 2, 1 - 10, 1]


def test_an_update_leaves_no_gradient_behind():
    weight = torch.nn.Parameter(torch.ones(()))
    update = Update(torch.optim.SGD([weight], lr=0.0), step=0)
    update.add(1.0, {"loss": 2 * weight})
    update.apply(learning_rate=1.0, max_grad_norm=9.0)
    assert weight.item() == -1
    assert weight.grad is None
