import copy
import math
from functools import partial

import pytest
import torch
from shape_checker import unchecked

from rlhf_lab.checkpoints import CheckpointError, Checkpoints
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.logprobs import response_values, sequence_logprobs
from rlhf_lab.models import frozen_copy, tiny_gpt2, trainable_copy, value_model
from rlhf_lab.responses import pad
from rlhf_lab.train import rollouts
from rlhf_lab.train.grpo import GRPOConfig, train_grpo
from rlhf_lab.train.loop import history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.pretraining_mix import PretrainingMix
from rlhf_lab.train.trust_region import Clipped, Penalised
from rlhf_lab.worlds.exact import exact_world, response_distribution, rewards_of
from rlhf_lab.worlds.optimum import kl_divergence

BASE = tiny_gpt2(7, layers=1, width=16, heads=2, context=8, seed=0).double()
PROMPTS = [[1, 2], [3], [4, 5], [6]]
SETTINGS = {
    "steps": 3,
    "max_tokens": 4,
    "end_token": 0,
    "batch_size": 8,
    "minibatch_size": 4,
    "epochs": 2,
    "learning_rate": 1e-2,
    "critic_learning_rate": 1e-2,
}


def threes(responses):
    """The number of times that token 3 was written."""
    return ((responses.tokens == 3) & responses.mask).sum(1).double()


def run(reward=threes, prompts=PROMPTS, policy=None, models=None, **settings):
    policy = trainable_copy(BASE) if policy is None else policy
    config = PPOConfig(**(SETTINGS | settings))
    return policy, history(train_ppo(policy, reward, prompts, config, **(models or {})))


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def unchanged(model, before):
    return all(map(torch.equal, model.parameters(), before))


def test_the_reward_rises():
    _, metrics = run(steps=25, batch_size=32, minibatch_size=32, beta=0.01)
    assert metrics["reward"][-1] > metrics["reward"][0] + 1
    assert metrics["kl"][0] == pytest.approx(0, abs=1e-12)
    assert metrics["kl"][-1] > 0.1


def test_a_larger_beta_stays_closer_to_the_reference():
    sizes = {"steps": 15, "batch_size": 32, "minibatch_size": 32}
    last = [run(beta=beta, **sizes)[1]["kl"][-1] for beta in (0.01, 1.0)]
    assert last[0] > 2 * last[1]


def test_same_seed_same_metrics_and_another_seed_others():
    assert run(seed=1)[1] == run(seed=1)[1]
    assert run(seed=1)[1] != run(seed=2)[1]


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    run()
    assert torch.equal(before, torch.get_rng_state())


def test_before_the_first_update_the_ratio_is_1():
    """One pass over one batch: the loss is minus the mean advantage, 0 after whitening."""
    _, metrics = run(steps=1, epochs=1, minibatch_size=8)
    assert metrics["loss"][0] == pytest.approx(0, abs=1e-12)


def test_reference_and_critic_may_be_given_and_the_reference_stays():
    reference, critic = frozen_copy(BASE), value_model(BASE)
    before = weights(reference), weights(critic)
    run(models={"reference": reference, "critic": critic})
    assert unchanged(reference, before[0])
    assert not unchanged(critic, before[1])


def test_the_critic_learns_the_expected_return():
    """A reward that the policy cannot change: V should become its mean, 2."""
    constant = lambda responses: torch.full((len(responses),), 2.0)  # noqa: E731
    critic = value_model(BASE)
    settings = {"steps": 20, "beta": 0.0, "critic_learning_rate": 3e-2, "value_epsilon": 10.0}
    run(constant, models={"critic": critic}, minibatch_size=8, **settings)
    batch = pad(PROMPTS, [[3, 3, 3, 3], [1, 2, 0], [0], [6, 5]])
    assert response_values(critic, batch)[batch.mask].tolist() == pytest.approx([2] * 10, abs=0.2)


def test_reward_kl_and_entropy_are_those_of_the_policy_that_sampled():
    """In the exact world: means over 8,192 responses against sums over all 125."""
    world, other = exact_world(seed=0), exact_world(seed=1).reference
    policy = trainable_copy(other)
    settings = {"steps": 1, "max_tokens": 3, "end_token": None, "epochs": 1}
    config = PPOConfig(batch_size=8192, minibatch_size=8192, **settings)
    reward = partial(rewards_of, world)
    (metrics,) = train_ppo(policy, reward, [[0]], config, reference=world.reference)
    logprobs = response_distribution(other, world.responses)
    expected = {
        "reward": (logprobs.exp() * world.rewards).sum(),
        "kl": kl_divergence(logprobs, world.reference_logprobs),
        "entropy": -(logprobs.exp() * logprobs).sum() / 3,
    }
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value.item(), abs=0.04), name
    assert metrics["kl"] > 1


def test_every_policy_pass_knows_temperature_and_minimum_length():
    """Else the first ratio would not be 1, nor the first KL 0."""
    _, metrics = run(
        steps=1, epochs=1, minibatch_size=8, temperature=0.7, min_tokens=3, max_tokens=4
    )
    assert metrics["loss"][0] == pytest.approx(0, abs=1e-12)
    assert metrics["kl"][0] == pytest.approx(0, abs=1e-12)
    assert metrics["tokens"][0] >= 3


def test_dropout_is_off():
    noisy = trainable_copy(BASE)
    noisy.transformer.drop.p = 0.9
    _, metrics = run(policy=noisy.train(), steps=1, epochs=1, minibatch_size=8)
    assert [metrics["kl"][0], metrics["loss"][0]] == pytest.approx([0, 0], abs=1e-12)


def test_the_coefficient_rises_while_the_kl_is_above_its_target_and_falls_below_it():
    """Ziegler's controller: by at most 0.2 · batch / horizon a step."""
    for target, sign in ((1e-6, 1), (100.0, -1)):
        _, metrics = run(steps=4, beta=0.1, target_kl=target, horizon=80, learning_rate=5e-2)
        ratios = [b / a for a, b in zip(metrics["beta"][1:], metrics["beta"][2:], strict=False)]
        assert ratios == pytest.approx([1 + sign * 0.2 * 8 / 80] * len(ratios))


def test_the_penalty_doubles_above_its_target_and_halves_below():
    for target, factor in ((1e-9, 2), (100.0, 0.5)):
        region = Penalised(first_penalty=1.0, target_kl=target)
        _, metrics = run(steps=3, trust_region=region)
        assert metrics["penalty"] == [1.0, factor, factor**2]
    _, metrics = run(trust_region=Penalised(first_penalty=3.0, target_kl=None))
    assert metrics["penalty"] == [3.0] * 3


def test_an_update_that_is_not_measured_is_the_same_update(monkeypatch):
    """Only the numbers that tell how far it moved are missing, and the pass that finds them."""
    passes = []
    again = rollouts.scored_again
    monkeypatch.setattr(rollouts, "scored_again", lambda *given: passes.append(1) or again(*given))
    policy, metrics = run(trust_region=Penalised(first_penalty=1.0, target_kl=None))
    assert len(passes) == 3
    same, fewer = run(
        measure_update=False, trust_region=Penalised(first_penalty=1.0, target_kl=None)
    )
    assert len(passes) == 3
    assert unchanged(same, weights(policy))
    assert set(metrics) - set(fewer) == {"kl_to_old", "penalty"}
    assert all(fewer[name] == metrics[name] for name in fewer)


def test_a_penalty_that_adapts_needs_what_it_adapts_to():
    region = Penalised(first_penalty=1.0, target_kl=0.1)
    with pytest.raises(ValueError, match="needs the KL of each update: leave measure_update on"):
        run(measure_update=False, trust_region=region)


def test_a_larger_penalty_moves_less_in_a_step():
    moved = [
        run(
            steps=1,
            epochs=15,
            minibatch_size=8,
            trust_region=Penalised(first_penalty=p, target_kl=None),
        )[1]
        for p in (0.0, 100.0)
    ]
    assert moved[0]["kl_to_old"][0] > 3 * moved[1]["kl_to_old"][0]


def test_clipping_moves_less_than_no_clipping():
    moved = [
        run(steps=1, epochs=15, minibatch_size=8, trust_region=Clipped(epsilon=epsilon))[1][
            "kl_to_old"
        ][0]
        for epsilon in (0.05, 1e6)
    ]
    assert moved[1] > 2 * moved[0]


def test_ppo_ptx_keeps_the_likelihood_of_pretraining_texts():
    texts = pad([[1]] * 2, [[4, 5, 6], [6, 5, 4]])
    likelihoods = []
    for mix in (None, PretrainingMix(texts=texts, gamma=5.0)):
        policy, _ = run(steps=10, beta=0.0, minibatch_size=8, models={"pretraining": mix})
        likelihoods.append(sequence_logprobs(policy, texts).mean().item())
    assert likelihoods[1] > likelihoods[0] + 2


@pytest.mark.parametrize(
    ("reward", "error", "message"),
    [
        (lambda r: torch.full((len(r),), torch.nan), FloatingPointError, "got nan for response 0"),
        (lambda r: torch.full((len(r),), torch.inf), FloatingPointError, "got inf"),
        (lambda r: "good", ValueError, "got str: 'good'"),
        (lambda r: [1.0] * len(r), ValueError, "got list"),
        (lambda r: torch.zeros(len(r), 1), ValueError, r"float32 of shape \(8, 1\)"),
        (lambda r: torch.zeros(3), ValueError, r"shape \(8,\), one number a response, got"),
        (lambda r: torch.zeros(len(r), dtype=torch.long), ValueError, "got torch.int64"),
    ],
)
def test_a_reward_of_the_wrong_kind_is_refused_before_any_update(reward, error, message):
    policy = trainable_copy(BASE)
    before = weights(policy)
    with pytest.raises(error, match=message):
        run(reward, policy=policy)
    assert unchanged(policy, before)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        *(
            (name, value, f"{name} must be a whole number")
            for name in ("steps", "batch_size", "minibatch_size", "epochs", "horizon")
            for value in (0, 1.5, "8")
        ),
        *(
            (name, value, f"{name} must be a finite number above 0")
            for name in ("learning_rate", "critic_learning_rate", "value_epsilon", "max_grad_norm")
            for value in (0.0, -1.0, math.nan, "0.1")
        ),
        *(("target_kl", value, "target_kl must be a finite number above 0") for value in (0, -1.0)),
        *(
            ("beta", value, "beta must be a finite number, 0 or above")
            for value in (-1.0, math.nan)
        ),
        ("gamma", 1.1, r"gamma must lie in 0\.\.1"),
        ("lam", -0.1, r"lam must lie in 0\.\.1"),
        ("minibatch_size", 3, "minibatch_size must divide 8, got 3"),
    ],
)
def test_bad_settings_are_refused(setting, value, message):
    with pytest.raises(ValueError, match=message):
        unchecked(PPOConfig, **(SETTINGS | {setting: value}))


def test_bad_trust_regions_and_mixes_are_refused():
    with pytest.raises(ValueError, match="epsilon must be a finite number above 0"):
        Clipped(epsilon=0.0)
    with pytest.raises(ValueError, match="first_penalty must be a finite number, 0 or above"):
        Penalised(first_penalty=-1.0, target_kl=None)
    with pytest.raises(ValueError, match="target_kl must be a finite number above 0"):
        Penalised(first_penalty=1.0, target_kl=0.0)
    with pytest.raises(ValueError, match="first_penalty must be a finite number above 0"):
        Penalised(first_penalty=0.0, target_kl=0.01)
    with pytest.raises(ValueError, match="gamma must be a finite number above 0"):
        PretrainingMix(texts=pad([[1]], [[2]]), gamma=0.0)


@pytest.mark.parametrize(
    ("prompts", "settings", "message"),
    [
        ([], {}, "the list of prompts is empty"),
        ([[1], []], {}, "at least one token"),
        ([[7]], {}, r"prompts: token ids must lie in 0\.\.6"),
        ([[1] * 5], {}, "max_tokens together have up to 9 tokens, but the model's context is 8"),
        (PROMPTS, {"max_tokens": 0}, "max_tokens must be a whole number"),
        (PROMPTS, {"min_tokens": 5}, "min_tokens = 5 is more than max_tokens = 4"),
        (PROMPTS, {"end_token": 7}, "end_token must be a whole number in"),
        (PROMPTS, {"temperature": 0.0}, "temperature must be a finite number above 0"),
    ],
)
def test_what_cannot_be_sampled_is_refused_at_the_call(prompts, settings, message):
    with pytest.raises(ValueError, match=message):
        train_ppo(trainable_copy(BASE), threes, prompts, PPOConfig(**(SETTINGS | settings)))


def test_models_that_cannot_read_the_prompts_or_learn_are_refused_at_the_call():
    config, small = (
        PPOConfig(**SETTINGS),
        tiny_gpt2(5, layers=1, width=8, heads=2, context=8, seed=0),
    )
    train = partial(train_ppo, trainable_copy(BASE), threes, PROMPTS, config)
    with pytest.raises(ValueError, match=r"prompts: token ids must lie in 0\.\.4"):
        train(critic=value_model(small))
    with pytest.raises(ValueError, match=r"token ids must lie in 0\.\.6"):
        train(pretraining=PretrainingMix(texts=pad([[1]], [[9]]), gamma=1.0))
    with pytest.raises(ValueError, match="nothing would learn"):
        train_ppo(frozen_copy(BASE), threes, PROMPTS, config)


@pytest.mark.parametrize("broken", ["policy", "critic"])
def test_a_gradient_that_is_not_finite_in_one_model_changes_neither(broken):
    models = {"policy": trainable_copy(BASE), "critic": value_model(BASE)}
    weight = next(models[broken].parameters())
    weight.register_hook(lambda gradient: gradient * torch.nan)
    before = {name: weights(model) for name, model in models.items()}
    config = PPOConfig(**SETTINGS)
    steps = train_ppo(models["policy"], threes, PROMPTS, config, critic=models["critic"])
    with pytest.raises(FloatingPointError, match=f"the {broken}'s gradient's norm is nan at step"):
        next(steps)
    assert all(unchanged(model, before[name]) for name, model in models.items())


LOOPS = [
    (train_ppo, PPOConfig(**SETTINGS)),
    (train_grpo, GRPOConfig(steps=1, max_tokens=4, end_token=0, minibatch_size=8)),
]


@pytest.mark.parametrize("whose", ["policy", "reference"])
def test_a_critic_that_would_move_another_model_is_refused(whose):
    models = {"policy": trainable_copy(BASE), "reference": frozen_copy(BASE)}
    critic = value_model(models["policy"])
    critic.trunk = models[whose].transformer.requires_grad_(True)
    with pytest.raises(ValueError, match=rf"shares \d+ parameters that it trains with the {whose}"):
        train_ppo(
            models["policy"],
            threes,
            PROMPTS,
            PPOConfig(**SETTINGS),
            reference=models["reference"],
            critic=critic,
        )


@pytest.mark.parametrize("region", [None, 0.2, Clipped])
def test_what_is_no_trust_region_is_refused(region):
    with pytest.raises(ValueError, match=r"trust_region must be Clipped\(epsilon"):
        unchecked(PPOConfig, **(SETTINGS | {"trust_region": region}))


@pytest.mark.parametrize(("train", "config"), LOOPS)
def test_a_reference_that_would_move_with_the_policy_is_refused(train, config):
    """The policy itself, or a wrapper around the same weights, as adapters make it."""
    model = trainable_copy(BASE)
    for policy, reference in ((model, model), (GPT2(model), model), (model, GPT2(model))):
        with pytest.raises(ValueError, match=r"shares \d+ parameters that learn with the policy"):
            train(policy, threes, PROMPTS, config, reference=reference)
    model.transformer.requires_grad_(False)
    head = torch.nn.Linear(16, 7, bias=False).double()
    other = copy.copy(model)
    other._modules = model._modules | {"lm_head": head}  # only what stays is shared
    next(train(other, threes, PROMPTS, config, reference=model))


@pytest.mark.parametrize(("train", "config"), LOOPS)
def test_a_reference_with_another_vocabulary_is_refused(train, config):
    larger = tiny_gpt2(9, layers=1, width=16, heads=2, context=8, seed=0).double()
    with pytest.raises(ValueError, match=r"vocabulary has 7 tokens and the reference's 9"):
        train(trainable_copy(BASE), threes, PROMPTS, config, reference=larger)


def test_a_beta_of_0_never_adapts_and_is_refused_with_a_target():
    with pytest.raises(ValueError, match="beta must be a finite number above 0"):
        PPOConfig(**(SETTINGS | {"beta": 0.0, "target_kl": 1.0}))
    PPOConfig(**(SETTINGS | {"beta": 0.0}))


def test_a_horizon_so_short_that_beta_could_turn_negative_is_refused_with_a_target():
    with pytest.raises(ValueError, match=r"gain .* must lie between 0 and 5, got 8"):
        PPOConfig(**(SETTINGS | {"horizon": 1, "target_kl": 1.0}))
    PPOConfig(**(SETTINGS | {"horizon": 1}))


def test_a_language_model_is_no_critic():
    steps = train_ppo(
        trainable_copy(BASE), threes, PROMPTS, PPOConfig(**SETTINGS), critic=trainable_copy(BASE)
    )
    with pytest.raises(ValueError, match="one number a position, got 7; make it with"):
        next(steps)


def test_a_nan_in_the_weights_stops_the_run():
    broken = trainable_copy(BASE)
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="logits hold NaN"):
        run(policy=broken)


def test_the_rates_fall_in_a_line_to_0(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "rlhf_lab.train.ppo.move", lambda _optimizer, **settings: seen.append(settings)
    )
    run(steps=4, epochs=1, minibatch_size=8, learning_rate=1.0, critic_learning_rate=2.0)
    assert [s["learning_rate"] for s in seen[::2]] == [1.0, 0.75, 0.5, 0.25]
    assert [s["learning_rate"] for s in seen[1::2]] == [2.0, 1.5, 1.0, 0.5]


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(tmp_path):
    """Policy, critic, moments, random numbers and both coefficients come back from the file."""
    settings = SETTINGS | {
        "steps": 6,
        "target_kl": 0.01,
        "horizon": 100,
        "trust_region": Penalised(first_penalty=1.0, target_kl=1e-3),
    }
    config = PPOConfig(**settings)
    whole_policy, whole = run(**settings)
    where = Checkpoints(path=tmp_path / "run.safetensors", every=1, settings={})
    train = partial(train_ppo, reward=threes, prompts=PROMPTS, config=config, checkpoints=where)
    broken = train(trainable_copy(BASE))
    first = [next(broken) for _ in range(4)]
    broken.close()
    policy = trainable_copy(BASE)
    rest = list(train(policy))
    assert first[0]["step"] == 0
    assert rest[0]["step"] == 3
    table = {name: [row[name] for row in [*first[:3], *rest]] for name in whole}
    assert table == whole
    assert all(map(torch.equal, policy.parameters(), whole_policy.parameters()))


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_a_run_goes_on_with_the_reference_that_it_began_with_or_not_at_all(algorithm, tmp_path):
    """The usual accident: the cell is run again, and the policy is no longer what it was."""
    where = Checkpoints(path=tmp_path / "run.safetensors", every=1, settings={})
    shared = {"steps": 3, "max_tokens": 4, "end_token": 0, "minibatch_size": 8}
    train, config = {
        "ppo": (train_ppo, PPOConfig(batch_size=8, **shared)),
        "grpo": (train_grpo, GRPOConfig(prompts_per_step=2, group_size=4, **shared)),
    }[algorithm]
    policy, first = trainable_copy(BASE), frozen_copy(BASE)
    given = partial(train, policy, threes, PROMPTS, config, checkpoints=where)
    broken = given()
    next(broken), next(broken)
    broken.close()
    before = [p.clone() for p in policy.parameters()]
    with pytest.raises(CheckpointError, match="another reference; give the reference of the call"):
        next(given())
    assert all(map(torch.equal, policy.parameters(), before))
    assert [row["step"] for row in given(reference=first)] == [1, 2]
