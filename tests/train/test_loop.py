import pytest
import torch

from rlhf_lab.models import TabularPolicy, frozen_copy
from rlhf_lab.precision import bfloat16
from rlhf_lab.train.loop import (
    history,
    minibatches,
    minimise,
    resumable,
    trainable_parameters,
    update,
    warmed_up,
)
from rlhf_lab.training_state import TrainingState


def test_an_epoch_shows_every_row_once_and_a_short_batch_is_left_out():
    rows = list(minibatches(7, batch_size=3, steps=4, generator=torch.Generator()))
    for epoch in (rows[:2], rows[2:]):
        seen = torch.cat(epoch).tolist()
        assert len(set(seen)) == 6
        assert set(seen) <= set(range(7))
    assert not torch.equal(torch.cat(rows[:2]), torch.cat(rows[2:]))


@pytest.mark.parametrize("size", [0, 8])
def test_a_batch_that_does_not_fit_is_refused_before_the_first_step(size):
    with pytest.raises(ValueError, match=r"batch_size must lie in 1\.\.7"):
        minibatches(7, batch_size=size, steps=1, generator=torch.Generator())


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_changes_nothing(bad):
    weight = torch.nn.Parameter(torch.zeros(()))
    loss = weight * torch.nan if bad == "loss" else weight.sqrt()
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with pytest.raises(FloatingPointError, match="at step 7"):
        update(optimizer, loss, step=7, learning_rate=1.0, max_grad_norm=1.0)
    assert weight.item() == 0


def test_update_clips_the_norm_and_reports_it_unclipped():
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], lr=123.0)
    loss = (weight * torch.tensor([3.0, 4.0])).sum()
    norm = update(optimizer, loss, step=0, learning_rate=1.0, max_grad_norm=1.0)
    assert norm == pytest.approx(5)
    assert weight.tolist() == pytest.approx([-0.6, -0.8])


def test_minimise_finds_the_minimum():
    policy = TabularPolicy(2, 1).double()
    target = torch.tensor([0.2, 0.8], dtype=torch.float64)
    run = minimise(
        lambda: -(target * policy.table[0].log_softmax(0)).sum(),
        policy,
        steps=200,
        learning_rate=0.1,
    )
    assert history(run)["step"] == list(range(200))
    assert policy.table[0].softmax(0).tolist() == pytest.approx(target.tolist(), abs=1e-4)


def test_a_frozen_policy_is_refused():
    with pytest.raises(ValueError, match="nothing would learn"):
        trainable_parameters(frozen_copy(TabularPolicy(2, 1)))


def test_weights_in_which_small_steps_are_lost_are_refused_unless_they_are_frozen():
    """Half of 2^-8 added to 1 is 1 again in bfloat16; Adam's 1e-8 is 0 in float16."""
    assert torch.ones((), dtype=torch.bfloat16) + 2**-9 == 1
    assert torch.tensor(1e-8, dtype=torch.float16) == 0
    for dtype in (torch.bfloat16, torch.float16):
        with pytest.raises(ValueError, match=r"float32 or float64, got torch.b?float16, in which "):
            trainable_parameters(TabularPolicy(2, 1).to(dtype))
    beside_frozen = torch.nn.ModuleList([TabularPolicy(2, 1), frozen_copy(TabularPolicy(2, 1))])
    beside_frozen[1].half()
    assert trainable_parameters(beside_frozen) == [beside_frozen[0].table]


def test_training_without_gradients_is_refused():
    policy = TabularPolicy(2, 1)
    state = TrainingState(modules={"policy": policy}, optimizers={})
    with torch.no_grad(), pytest.raises(ValueError, match=r"gradients are off, .* torch.no_grad"):
        next(resumable(1, state, None))
    assert list(resumable(1, state, None)) == [0]


def test_training_in_the_autocast_of_others_is_refused():
    """Its cache would keep the weights as they were rounded first."""
    state = TrainingState(modules={"policy": TabularPolicy(2, 1)}, optimizers={})
    refused = pytest.raises(ValueError, match=r"autocast is on .* rlhf_lab.precision.bfloat16")
    with torch.autocast("cpu", torch.bfloat16), refused:
        next(resumable(1, state, None))
    with bfloat16():
        assert list(resumable(1, state, None)) == [0]


def test_warm_up_is_a_line_and_then_flat():
    rates = [warmed_up(1.0, step=step, warmup_steps=4) for step in range(6)]
    assert rates == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert warmed_up(1.0, step=0, warmup_steps=0) == 1.0


def test_minimise_keeps_its_rate_for_one_half_and_then_lets_it_fall(monkeypatch):
    rates = []
    monkeypatch.setattr(
        "rlhf_lab.train.loop.update",
        lambda *_arguments, learning_rate, **_settings: rates.append(learning_rate) or 0.0,
    )
    policy = TabularPolicy(2, 1)
    history(minimise(policy.table.sum, policy, steps=4, learning_rate=1.0))
    assert rates == [1.0, 1.0, 1.0, 0.5]
