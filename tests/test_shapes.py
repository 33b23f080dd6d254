"""What a user, whose process has no type checker, is told of arrays that do not fit."""

import inspect

import jaxtyping
import pytest
import torch

from rlhf_lab import (
    advantages,
    diagnostics,
    group_losses,
    kl,
    logprobs,
    losses,
    masked,
    preference_losses,
    preferences,
    shapes,
)
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.rewards import preferencewise, quality
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.worlds import optimum

X = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
MASK = torch.tensor([[True, True, True], [True, False, False]])
ROW, UP = X[:, 0], MASK[:, 1]
CUBE, ENDS = X.expand(2, 2, 3), MASK.expand(2, 2, 3)
WEIGHTS = {"desirable_weight": 1.0, "undesirable_weight": 1.0}
LIMITS = {"epsilon_low": 0.2, "epsilon_high": 0.3}

# A call that works: function, its arrays, its numbers.
OF_TOKENS = [
    (masked.zero_at_padding, (X, MASK), {}),
    (masked.sum_over_tokens, (X, MASK), {}),
    (masked.mean_over_tokens, (X, MASK), {}),
    (masked.masked_mean, (X, MASK), {}),
    (masked.whiten, (X, MASK), {}),
    (masked.scale_to_unit_variance, (X, MASK), {}),
    (losses.next_token_loss, (X, MASK), {}),
    (losses.probability_ratio, (X, X, MASK), {}),
    (losses.clipped_policy_loss, (X, X, X, MASK), {"epsilon": 0.2}),
    (losses.penalised_policy_loss, (X, X, X, MASK), {"beta": 0.1}),
    (losses.clipped_value_loss, (X, X, X, MASK), {"epsilon": 0.2}),
    (losses.grpo_loss, (X, X, X, X, MASK), {"epsilon": 0.2, "beta": 0.1}),
    (preference_losses.average_logprob_reward, (X, MASK), {"beta": 0.1}),
    (group_losses.dr_grpo_loss, (X, X, X, MASK), {"epsilon": 0.2, "longest": 3}),
    (group_losses.dapo_loss, (X, X, X, MASK), LIMITS),
    (group_losses.sequence_ratio, (X, X, MASK), {}),
    (group_losses.gspo_loss, (X, X, ROW, MASK), {"epsilon": 0.2}),
    (advantages.token_rewards, (ROW, X, MASK), {"beta": 0.1}),
    (advantages.gae, (X, X, MASK), {"gamma": 1.0, "lam": 1.0}),
    (advantages.returns_of, (X, X, MASK), {}),
    (diagnostics.clip_fraction, (X, X, X, MASK), {"epsilon": 0.2}),
    (diagnostics.share_outside, (X, X, MASK), {"epsilon": 0.2}),
    (diagnostics.explained_variance, (X, X, MASK), {}),
]
OF_RESPONSES = [
    (losses.implicit_reward, (ROW, ROW), {"beta": 0.1}),
    (losses.dpo_loss, (ROW, ROW), {}),
    (preference_losses.ipo_loss, (ROW, ROW), {"tau": 0.1}),
    (preference_losses.simpo_loss, (ROW, ROW), {"margin": 0.1}),
    (preference_losses.kto_loss, (ROW, ROW[0], UP), WEIGHTS),
    (group_losses.rloo_loss, (ROW, ROW), {}),
    (quality.accuracy_against_gold, (ROW, ROW), {}),
    (optimum.log_partition, (ROW, ROW), {"beta": 0.1}),
    (optimum.optimal_logprobs, (ROW, ROW), {"beta": 0.1}),
    (optimum.kl_divergence, (ROW, ROW), {}),
    (optimum.total_variation, (ROW, ROW), {}),
    (optimum.objective, (ROW, ROW, ROW), {"beta": 0.1}),
]
OF_ANY_SHAPE = [
    (kl.exact_kl, (X, X), {}),
    (kl.k1, (X, X), {}),
    (kl.k2, (X, X), {}),
    (kl.k3, (X, X), {}),
    (preferences.bradley_terry_logprob, (X, X), {}),
    (preferences.preference_accuracy, (X, X), {}),
    (preferences.sample_comparison, (X, X), {"generator": torch.Generator()}),
    (preferencewise.preference_logit, (X[:, :2], X[:, :2]), {}),
]
OF_GROUPS = [
    (losses.ranking_loss, (X,), {}),
    (losses.plackett_luce_loss, (X,), {}),
    (preferencewise.general_preference_loss, (X[:, :, None].expand(2, 3, 2),), {}),
    (advantages.group_outcome_advantages, (X,), {}),
    (advantages.centred_outcome_advantages, (X,), {}),
    (advantages.leave_one_out_advantages, (X,), {}),
    (advantages.group_process_advantages, (CUBE, ENDS), {}),
    (advantages.centred_process_advantages, (CUBE, ENDS), {}),
]
OF_LOGITS = [
    (logprobs.token_logprobs, (CUBE, torch.zeros(2, 2, dtype=torch.long)), {}),
    (diagnostics.compared, (CUBE, CUBE, torch.zeros(2, 2, dtype=torch.long)), {}),
]


@pytest.fixture(autouse=True)
def _unchecked():
    """The annotations are not checked, as they are not where a user calls."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def with_each_changed(calls, *changes):
    """Each call once for each of its arrays and each change of that array alone."""
    cases = []
    for function, arrays, numbers in calls:
        for i, change in ((i, change) for i in range(len(arrays)) for change in changes):
            changed = [change(x) if i == j else x for j, x in enumerate(arrays)]
            name = f"{function.__name__}-{list(inspect.signature(function).parameters)[i]}"
            cases.append(pytest.param(function, changed, numbers, id=f"{name}-{change.__name__}"))
    return cases


def column(x):
    """(batch,) as (batch, 1)."""
    return x[..., None]


def one_row(x):
    """The first row alone, which torch would repeat for all."""
    return x[:1] if x.dim() else x[None]


def other_kind(x):
    """Floats as whole numbers; a mask, or token ids, as floats."""
    return x.long() if x.is_floating_point() else x.float()


def a_list(x):
    """What is no tensor."""
    return x.tolist()


def refused(function, arrays, numbers):
    with pytest.raises(ValueError, match=r"must (be|rank) .*, got "):
        inspect.unwrap(function)(*arrays, **numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"),
    with_each_changed(OF_TOKENS, one_row, other_kind, a_list),
)
def test_arrays_of_tokens_that_do_not_fit_are_refused(function, arrays, numbers):
    refused(function, arrays, numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"),
    with_each_changed(OF_RESPONSES, column, one_row, other_kind, a_list),
)
def test_arrays_of_responses_that_do_not_fit_are_refused(function, arrays, numbers):
    """Rewards (batch,) beside (batch, 1): all pairs of responses would be compared."""
    refused(function, arrays, numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"), with_each_changed(OF_ANY_SHAPE, one_row, other_kind)
)
def test_two_arrays_of_two_shapes_are_refused(function, arrays, numbers):
    refused(function, arrays, numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"), with_each_changed(OF_GROUPS, column, other_kind)
)
def test_groups_that_are_none_are_refused(function, arrays, numbers):
    refused(function, arrays, numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"), with_each_changed(OF_LOGITS, one_row, other_kind)
)
def test_a_token_must_stand_for_each_row_of_logits(function, arrays, numbers):
    """torch.gather takes fewer tokens than logits, and reads the first of them."""
    refused(function, arrays, numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"),
    [pytest.param(*call, id=call[0].__name__) for call in [*OF_TOKENS, *OF_RESPONSES, *OF_GROUPS]],
)
def test_an_empty_batch_is_refused(function, arrays, numbers):
    empty = [x[:0] if x.dim() else x for x in arrays]
    with pytest.raises(ValueError, match="a batch may not be empty"):
        inspect.unwrap(function)(*empty, **numbers)


@pytest.mark.parametrize(
    ("function", "arrays", "numbers"),
    [
        pytest.param(*call, id=call[0].__name__)
        for call in [*OF_TOKENS, *OF_RESPONSES, *OF_ANY_SHAPE, *OF_GROUPS, *OF_LOGITS]
    ],
)
def test_what_fits_is_taken(function, arrays, numbers):
    assert inspect.unwrap(function)(*arrays, **numbers).isfinite().all()


@pytest.mark.parametrize("loss", [losses.ranking_loss, losses.plackett_luce_loss])
def test_a_ranking_of_one_is_refused(loss):
    with pytest.raises(ValueError, match="best_first must rank two responses or more"):
        inspect.unwrap(loss)(torch.zeros(4, 1))


def test_one_token_is_not_whitened():
    with pytest.raises(ValueError, match="one token alone has no standard deviation"):
        masked.whiten(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool))


def test_ppo_of_one_token_says_what_to_do_before_an_update():
    policy = tiny_gpt2(5, layers=1, width=8, heads=1, context=4, seed=0)
    before = [parameter.clone() for parameter in policy.parameters()]
    config = PPOConfig(steps=1, max_tokens=1, end_token=None, batch_size=1, minibatch_size=1)
    with pytest.raises(ValueError, match="a larger batch_size"):
        next(train_ppo(policy, lambda responses: torch.ones(1), [[1]], config))
    assert all(map(torch.equal, before, policy.parameters()))


@pytest.mark.parametrize("seed", range(3))
def test_rankings_of_columns_are_drawn_as_before(seed):
    """Numbers are drawn in the order that the rewards have in memory."""
    rewards = torch.randn(3, 2, generator=torch.Generator().manual_seed(9)).T
    noise = torch.empty_like(rewards).exponential_(generator=torch.Generator().manual_seed(seed))
    drawn = preferences.sample_ranking(rewards, torch.Generator().manual_seed(seed))
    assert torch.equal(drawn, (rewards - noise.log()).argsort(dim=-1, descending=True))


@pytest.mark.parametrize("ratio", [losses.probability_ratio, group_losses.sequence_ratio])
def test_an_old_policy_that_moves_with_the_new_one_is_refused(ratio):
    """The ratio of log-probs to themselves has no slope: nothing would be learnt."""
    new = X.clone().requires_grad_()
    with pytest.raises(ValueError, match=r"old_logprobs must be without gradient.*detach"):
        ratio(new, new, MASK)
    assert ratio(new, new.detach(), MASK).requires_grad
    with torch.no_grad():
        assert (ratio(new, new, MASK) == 1).all()


@pytest.mark.parametrize(
    ("loss", "arrays", "numbers"),
    [
        (losses.clipped_policy_loss, (X, X, X, MASK), {"epsilon": 0.2}),
        (losses.penalised_policy_loss, (X, X, X, MASK), {"beta": 0.1}),
        (losses.grpo_loss, (X, X, X, X, MASK), {"epsilon": 0.2, "beta": 0.1}),
        (group_losses.rloo_loss, (ROW, ROW), {}),
        (group_losses.dr_grpo_loss, (X, X, X, MASK), {"epsilon": 0.2, "longest": 3}),
        (group_losses.dapo_loss, (X, X, X, MASK), LIMITS),
        (group_losses.gspo_loss, (X, X, ROW, MASK), {"epsilon": 0.2}),
    ],
)
def test_advantages_that_move_with_the_policy_are_refused(loss, arrays, numbers):
    """As r - β log(π/ref) does: its slope would be taken too, and the gradient be another."""
    moving, place = list(arrays), list(inspect.signature(loss).parameters).index("advantages")
    moving[place] = moving[place].clone().requires_grad_()
    with pytest.raises(ValueError, match=r"advantages must be without gradient.*detach"):
        loss(*moving, **numbers)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_log_probs_at_no_temperature_are_refused(temperature):
    """At 0 they would be NaN, and below it the least likely token would be the likeliest."""
    policy = tiny_gpt2(5, layers=1, width=8, heads=1, context=4, seed=0)
    with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
        logprobs.response_logprobs(policy, pad([[1]], [[2]]), temperature=temperature)


def test_a_clip_below_0_has_no_share():
    with pytest.raises(ValueError, match="epsilon must be"):
        diagnostics.clip_fraction(X, X, X, MASK, epsilon=-0.2)
    with pytest.raises(ValueError, match="epsilon must be"):
        diagnostics.share_outside(X, X, MASK, epsilon=-0.2)


def test_sizes_may_be_any_sequence():
    shapes.require_floats("batch", sizes=[3], x=torch.zeros(3))
    with pytest.raises(ValueError, match=r"x must be .*\(4,\)"):
        shapes.require_floats("batch", sizes=[3], x=torch.zeros(4))
