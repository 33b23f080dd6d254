import math

import pytest
import torch
from shape_checker import unchecked

from rlhf_lab.advantages import centred_outcome_advantages, centred_process_advantages
from rlhf_lab.checkpoints import Checkpoints
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.models import frozen_copy, tiny_gpt2, trainable_copy
from rlhf_lab.responses import pad
from rlhf_lab.rewards.functions import as_reward
from rlhf_lab.rewards.networks import response_rewards, reward_model
from rlhf_lab.train import experience, grpo, micro_batches, rollouts
from rlhf_lab.train.grpo import GRPOConfig, train_grpo, train_grpo_on_steps
from rlhf_lab.train.loop import history
from rlhf_lab.train.rollouts import prompt_batch
from rlhf_lab.train.trust_region import kl_to_old

BASE = tiny_gpt2(7, layers=1, width=16, heads=2, context=8, seed=0).double()
PROMPTS = [[1, 2], [3], [4, 5], [6]]
SETTINGS = {
    "steps": 3,
    "max_tokens": 4,
    "end_token": 0,
    "prompts_per_step": 4,
    "group_size": 4,
    "minibatch_size": 16,
    "learning_rate": 1e-2,
}


def threes(responses):
    """The number of times that token 3 was written."""
    return ((responses.tokens == 3) & responses.mask).sum(1).double()


def each_three(responses):
    """Every token is a step, right where it is a 3."""
    return (responses.tokens == 3).double(), responses.mask


def run(reward=threes, prompts=PROMPTS, policy=None, train=train_grpo, models=None, **settings):
    policy = trainable_copy(BASE) if policy is None else policy
    config = GRPOConfig(**(SETTINGS | settings))
    return policy, history(train(policy, reward, prompts, config, **(models or {})))


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def unchanged(model, before):
    return all(map(torch.equal, model.parameters(), before))


def test_how_far_an_update_went_is_told_from_the_old_policy_to_the_new(monkeypatch):
    given, found, again = [], [], rollouts.scored_again
    monkeypatch.setattr(rollouts, "scored_again", lambda *a: found.append(again(*a)) or found[-1])
    monkeypatch.setattr(grpo, "kl_to_old", lambda *a: given.append(a) or 0.0)
    run(steps=1)
    assert given[0][0] is found[0]
    new, old = (torch.tensor([[p]], dtype=torch.float64).log() for p in (0.5, 0.25))
    by_hand = 0.5 / 0.25 - 1 - math.log(0.5 / 0.25)  # k3 of a sample of the old policy
    assert kl_to_old(new, old, old < 0) == pytest.approx(by_hand)


def test_an_update_that_is_not_measured_is_the_same_update():
    (policy, metrics), (same, fewer) = run(), run(measure_update=False)
    assert unchanged(same, weights(policy))
    assert set(metrics) - set(fewer) == {"kl_to_old", "clip_fraction"}
    assert all(fewer[name] == metrics[name] for name in fewer)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    "settings", [{}, {"micro_batch_size": 5}, {"temperature": 0.7, "min_tokens": 3}]
)
def test_a_batch_of_one_update_is_read_once_less_and_gives_the_same(monkeypatch, plain, settings):
    def told():
        policy, passes = trainable_copy(BASE if plain else GPT2(BASE)), []
        policy.register_forward_hook(lambda *_: passes.append(torch.is_grad_enabled()))
        return *run(policy=policy, steps=2, **settings), passes

    policy, metrics, passes = told()
    monkeypatch.setattr(experience, "scorer", experience.Before)
    same, before, more = told()
    slices = 4 if "micro_batch_size" in settings else 1
    assert more.count(True) == passes.count(True)
    assert more.count(False) == passes.count(False) + 2 * slices
    assert all(map(torch.allclose, policy.parameters(), same.parameters()))
    assert metrics == {name: pytest.approx(rows, abs=1e-12) for name, rows in before.items()}


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, experience.Within),
        ({"epochs": 2}, experience.Before),
        ({"minibatch_size": 8}, experience.Before),
    ],
)
def test_only_a_batch_of_one_update_needs_no_pass_before(monkeypatch, settings, kind):
    made, scorer = [], experience.scorer
    monkeypatch.setattr(experience, "scorer", lambda *a: made.append(scorer(*a)) or made[-1])
    run(steps=1, **settings)
    assert [type(one) for one in made] == [kind]


def test_what_is_known_of_responses_is_told_of_their_tokens_alone():
    """Responses of 1, 2 and 4 tokens, NaN after their ends, and one whose KL is far out."""
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]).bool()
    kl = torch.tensor([[1.0] * 4, [1.0] * 4, [9.0] * 4]).masked_fill(~mask, torch.nan)
    entropy = torch.tensor([[7.0] * 4, [0.0] * 4, [0.0] * 4]).masked_fill(~mask, torch.nan)
    responses = pad([[1]] * 3, [[1], [1, 1], [1, 1, 1, 1]])
    seen = experience.Experience(responses, kl, kl, kl, entropy)
    assert torch.equal(responses.mask, mask)
    assert seen.metrics() == {
        "kl": pytest.approx((1 + 2 + 36) / 3),
        "kl_median": 2.0,
        "entropy": 1.0,
        "tokens": pytest.approx(7 / 3),
    }


def test_the_rate_falls_in_a_line_to_0(monkeypatch):
    seen, move = [], micro_batches.move
    monkeypatch.setattr(
        micro_batches, "move", lambda *a, **settings: seen.append(settings) or move(*a, **settings)
    )
    run(steps=4, learning_rate=1e-3)
    assert [s["learning_rate"] for s in seen] == pytest.approx([1e-3, 7.5e-4, 5e-4, 2.5e-4])


def test_a_micro_batch_holds_whole_groups(monkeypatch):
    held, scored = [], experience.Within.sides
    monkeypatch.setattr(
        experience.Within, "sides", lambda self, row: held.append(row) or scored(self, row)
    )
    run(steps=1, micro_batch_size=4)
    assert [row.tolist() for row in held] == [[*range(n, n + 4)] for n in (0, 4, 8, 12)]


def test_rewards_of_few_bits_have_the_advantages_of_their_float32():
    """In bfloat16 the mean of 100, 100.5, ... is 100.5 or 100, and half of a group counts 0."""

    def seen(dtype, by_steps):
        found = []

        def advantages(rewards, *ends):
            found.append(torch.zeros_like(rewards))
            found[0] += rewards
            return found[0] * 0

        def judged(responses):
            rewards = 100 + 0.5 * (torch.arange(len(responses)) % 2).to(dtype)
            each = rewards[:, None].expand(responses.mask.shape).clone()
            return (each, responses.mask) if by_steps else rewards

        train = train_grpo_on_steps if by_steps else train_grpo
        name = "process_advantages" if by_steps else "advantages"
        run(judged, train=train, steps=1, **{name: advantages})
        return found[0]

    for by_steps in (False, True):
        assert seen(torch.bfloat16, by_steps).dtype == torch.float32
        assert torch.equal(seen(torch.bfloat16, by_steps), seen(torch.float32, by_steps))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_advantages_are_of_the_policys_dtype_whatever_the_rewards_is(monkeypatch, dtype):
    seen, loss = [], grpo.grpo_loss
    monkeypatch.setattr(
        grpo, "grpo_loss", lambda *a, **limits: seen.append(a[3].dtype) or loss(*a, **limits)
    )
    run(steps=1, policy=trainable_copy(BASE).to(dtype))
    assert seen == [dtype]


@pytest.mark.parametrize(
    ("train", "reward"), [(train_grpo, threes), (train_grpo_on_steps, each_three)]
)
def test_the_reward_rises_under_both_kinds_of_supervision(train, reward):
    _, metrics = run(reward, train=train, steps=25, beta=0.0)
    assert metrics["reward"][-1] > metrics["reward"][0] + 1
    assert metrics["kl"][0] == pytest.approx(0, abs=1e-12)


def test_the_reward_of_steps_is_what_their_ends_earn():
    """A step ends at each 3 and earns 1; NaN elsewhere."""

    def at_threes(responses):
        ends = (responses.tokens == 3) & responses.mask
        return torch.where(ends, 1.0, torch.nan).double(), ends

    _, metrics = run(at_threes, train=train_grpo_on_steps, steps=1)
    assert metrics["reward"] == run(threes, steps=1)[1]["reward"]
    assert metrics["reward"][0] > 0


def test_the_loss_is_0_at_the_first_update_and_its_gradient_is_not():
    _, metrics = run(steps=1, temperature=0.7, min_tokens=2)
    assert metrics["loss"][0] == pytest.approx(0, abs=1e-12)
    assert metrics["grad_norm"][0] > 0.01


def test_equal_rewards_leave_the_policy_where_it_is():
    policy, metrics = run(lambda r: torch.ones(len(r)).double(), optimizer=torch.optim.SGD)
    assert metrics["grad_norm"] == [pytest.approx(0, abs=1e-9)] * 3
    assert all(map(torch.allclose, policy.parameters(), BASE.parameters()))


def test_a_group_answers_one_prompt_so_a_reward_of_the_prompt_alone_teaches_nothing():
    def of_prompt(responses):
        return responses.prompts[:, -1].double()

    _, metrics = run(of_prompt, beta=0.0, steps=2)
    assert metrics["grad_norm"] == [pytest.approx(0, abs=1e-9)] * 2


def test_same_seed_same_metrics_and_another_seed_others():
    assert run(seed=1)[1] == run(seed=1)[1]
    assert run(seed=1)[1] != run(seed=2)[1]


def test_the_kl_in_the_loss_holds_the_policy_at_the_reference():
    last = [run(steps=20, beta=beta)[1]["kl"][-1] for beta in (0.0, 2.0)]
    assert last[0] > 2 * last[1]


def test_with_the_std_the_scale_of_the_reward_does_not_count_and_without_it_does():
    def hundredfold(responses):
        return 100 * threes(responses)

    with_std = [run(reward, max_grad_norm=1e9)[1]["kl"][-1] for reward in (threes, hundredfold)]
    assert with_std[0] == pytest.approx(with_std[1], rel=0.01)
    plain = {
        "advantages": centred_outcome_advantages,
        "optimizer": torch.optim.SGD,
        "max_grad_norm": 1e9,
    }
    without = [run(reward, **plain)[1]["kl"][-1] for reward in (threes, hundredfold)]
    assert without[1] > 10 * without[0]


def test_a_step_gets_its_own_and_later_rewards_so_early_tokens_are_blamed_for_no_later_ones():
    """The same total reward: process supervision tells which token earned it."""
    seen = {}

    def captured(name):
        def advantages(rewards, ends):
            seen[name] = centred_process_advantages(rewards, ends), rewards, ends
            return seen[name][0]

        return advantages

    run(each_three, train=train_grpo_on_steps, steps=1, process_advantages=captured("steps"))
    advantages, rewards, ends = seen["steps"]
    mean = (rewards * ends).sum((1, 2), keepdim=True) / ends.sum((1, 2), keepdim=True)
    from_here = ((rewards - mean) * ends).flip(-1).cumsum(-1).flip(-1)
    assert torch.allclose(advantages, from_here)


@pytest.mark.parametrize("model", [BASE, GPT2(BASE)])
def test_a_long_prompt_that_is_not_drawn_costs_and_changes_nothing(model):
    """Else every step would be as wide as the longest of all prompts."""
    config = GRPOConfig(**(SETTINGS | {"max_tokens": 3}))
    wide, narrow = (prompt_batch(p, [model], config) for p in ([[1] * 5, [2, 3]], [[2, 3]]))
    rows = torch.ones(8, dtype=torch.long)
    found, alone = (
        experience.sampled(model, BASE, batch, config, torch.Generator().manual_seed(0))
        for batch in (wide[rows], narrow[rows - 1])
    )
    assert found.responses.prompts.shape == (8, 2)
    assert torch.equal(found.responses.tokens, alone.responses.tokens)
    assert torch.equal(found.logprobs, alone.logprobs)


def test_the_reference_stays():
    reference = frozen_copy(BASE)
    run(models={"reference": reference})
    assert unchanged(reference, weights(BASE))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        *(("group_size", v, "group_size must be a whole number, 2 or above") for v in (1, 0, 2.5)),
        *(("epsilon", v, "epsilon must be a finite number above 0") for v in (0.0, -0.1, math.nan)),
        *(("beta", v, "beta must be a finite number, 0 or above") for v in (-0.1, math.inf, "0")),
        ("prompts_per_step", 0, "prompts_per_step must be a whole number"),
        ("minibatch_size", 5, "minibatch_size must divide 16, got 5"),
        ("learning_rate", 0.0, "learning_rate must be a finite number above 0"),
        ("seed", -1, "seed must be a whole number, 0 or above"),
        ("end_token", 1.5, "end_token must be a whole number, 0 or above, got 1.5"),
        ("end_token", True, "end_token must be a whole number, 0 or above, got True"),
        ("end_token", [1, 2], r"end_token must be a whole number, 0 or above, got \[1, 2\]"),
        ("max_tokens", -3, "max_tokens must be a whole number, 1 or above"),
        ("temperature", -1, "temperature must be a finite number above 0"),
        ("advantages", None, "advantages must be a function, got None"),
        ("optimizer", "adam", "optimizer must be a function, got 'adam'"),
    ],
)
def test_bad_settings_are_refused(setting, value, message):
    with pytest.raises(ValueError, match=message):
        unchecked(GRPOConfig, **(SETTINGS | {setting: value}))


@pytest.mark.parametrize(
    ("train", "reward", "setting"),
    [
        (train_grpo, threes, "advantages"),
        (train_grpo_on_steps, each_three, "process_advantages"),
    ],
)
def test_advantages_of_another_shape_are_refused(train, reward, setting):
    with pytest.raises(ValueError, match=r"must have the rewards' shape .*, got \(4,\)"):
        run(reward, train=train, **{setting: lambda rewards, *_: rewards.flatten(1).sum(1)})


def test_a_network_is_no_reward_before_it_is_made_one():
    network = reward_model(BASE, seed=0)
    with pytest.raises(ValueError, match=r"got the network ScalarModel; give .*as_reward\("):
        run(network, steps=1)
    run(as_reward(response_rewards, network), steps=1)


@pytest.mark.parametrize(
    ("prompts", "settings", "message"),
    [
        ([], {}, "the list of prompts is empty"),
        ([[9]], {}, r"prompts: token ids must lie in 0\.\.6"),
        ([[1] * 5], {}, "the model's context is 8"),
    ],
)
def test_what_cannot_be_sampled_is_refused_at_the_call(prompts, settings, message):
    with pytest.raises(ValueError, match=message):
        train_grpo(trainable_copy(BASE), threes, prompts, GRPOConfig(**(SETTINGS | settings)))


@pytest.mark.parametrize(
    ("reward", "error", "message"),
    [
        (lambda r: "good", ValueError, "got str: 'good'"),
        (lambda r: torch.zeros(len(r), 2), ValueError, r"of shape \(16, 2\)"),
        (lambda r: torch.zeros(len(r)) / 0, FloatingPointError, "got nan for response 0"),
        (  # finite, and infinite in float32
            lambda r: torch.full((len(r),), 1e300, dtype=torch.float64),
            FloatingPointError,
            r"got 1e\+300 for response 0",
        ),
    ],
)
def test_a_reward_of_the_wrong_kind_is_refused_before_any_update(reward, error, message):
    policy = trainable_copy(BASE)
    with pytest.raises(error, match=message):
        run(reward, policy=policy)
    assert unchanged(policy, weights(BASE))


def shape(responses):
    return responses.mask.shape


@pytest.mark.parametrize(
    ("reward", "error", "message"),
    [
        (threes, ValueError, "two tensors .* got Tensor"),
        (lambda r: "good", ValueError, "two tensors .* got str: 'good'"),
        (lambda r: ("good", r.mask), ValueError, "two tensors .* got tuple: .*good"),
        (
            lambda r: (torch.zeros(2, 2), r.mask),
            ValueError,
            r"got rewards of torch.float32 \(2, 2\)",
        ),
        (lambda r: (torch.zeros(shape(r)), r.tokens), ValueError, "got ends of torch.int64"),
        (
            lambda r: (torch.zeros(shape(r)), torch.ones_like(r.mask)),
            ValueError,
            r"true at ends of steps; token \d of response \d is padding",
        ),
        (
            lambda r: (torch.full(shape(r), torch.nan), r.mask),
            FloatingPointError,
            "got nan for token 0 of response 0",
        ),
        (
            lambda r: (torch.full(shape(r), -1e300, dtype=torch.float64), r.mask),
            FloatingPointError,
            r"got -1e\+300 for token 0 of response 0",
        ),
        (
            lambda r: (torch.zeros(shape(r), dtype=torch.long), r.mask),
            ValueError,
            "got rewards of torch.int64",
        ),
    ],
)
def test_step_rewards_of_the_wrong_kind_are_refused_before_any_update(reward, error, message):
    policy = trainable_copy(BASE)
    with pytest.raises(error, match=message):
        run(reward, policy=policy, train=train_grpo_on_steps)
    assert unchanged(policy, weights(BASE))


def test_a_batch_without_steps_moves_nothing_and_stops_nothing():
    def never(responses):
        rewards, ends = each_three(responses)
        return rewards, ends & (responses.tokens < 0)

    settings = {"train": train_grpo_on_steps, "optimizer": torch.optim.SGD, "beta": 0.0}
    policy, metrics = run(never, **settings)
    assert metrics["grad_norm"] == [0.0] * 3
    assert unchanged(policy, weights(BASE))


def test_what_a_step_reward_says_beside_the_ends_of_steps_does_not_count():
    def dirty(responses):
        rewards, ends = each_three(responses)
        return torch.where(ends, rewards, torch.nan), ends

    clean = run(each_three, train=train_grpo_on_steps)[1]
    assert run(dirty, train=train_grpo_on_steps)[1] == clean


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(tmp_path):
    config = GRPOConfig(**(SETTINGS | {"steps": 6}))
    whole_policy, whole = run(steps=6)
    where = Checkpoints(path=tmp_path / "run.safetensors", every=2, settings={})
    broken = train_grpo(trainable_copy(BASE), threes, PROMPTS, config, checkpoints=where)
    first = [next(broken) for _ in range(4)]
    broken.close()
    policy = trainable_copy(BASE)
    rest = list(train_grpo(policy, threes, PROMPTS, config, checkpoints=where))
    assert rest[0]["step"] == 2
    assert {name: [row[name] for row in [*first[:2], *rest]] for name in whole} == whole
    assert all(map(torch.equal, policy.parameters(), whole_policy.parameters()))
